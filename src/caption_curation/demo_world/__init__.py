"""A synthetic world: scenes, their captions, how they are rendered, and noise planted in them."""

"""A drawn world: scenes, how they are told and rendered, and noise planted in them."""

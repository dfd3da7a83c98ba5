"""The captioner: an image-to-text model, its training, its losses, its captions."""

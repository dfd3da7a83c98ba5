"""Data curation for image captioning with text-to-image generative models."""

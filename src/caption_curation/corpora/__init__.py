"""Corpora: images with captions in splits, read from disk or rendered."""

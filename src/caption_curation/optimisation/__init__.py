"""Gradients of batches that are computed in parts, and the optimizer's state on disk."""

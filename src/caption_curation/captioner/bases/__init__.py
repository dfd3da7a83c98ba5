"""Captioners to start from: made from scratch, or converted from BLIP's own checkpoints."""

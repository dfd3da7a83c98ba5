"""Base captioners to fine-tune: built from scratch, or converted from BLIP's own checkpoints."""

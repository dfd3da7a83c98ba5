"""Fine-tuning the generator on captions (paper, section 3.3)."""

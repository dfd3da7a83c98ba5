"""Fine-tuning the generator on captions (paper, section 4.2)."""

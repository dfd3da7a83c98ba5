"""Fine-tuning the captioner, epoch by epoch."""

"""From training samples to synthetic images."""

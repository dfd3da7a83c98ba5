"""What the demo world knows and no real corpus does: which samples are right."""

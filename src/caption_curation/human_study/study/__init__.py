"""Which images are annotated, and the sets that they are split into."""

"""What the project's own speed-ups are worth, measured side by side: ``python -m benchmarks``."""

"""Image files: the one way to read them, and how small ones are shown."""

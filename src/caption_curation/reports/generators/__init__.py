"""Several generators with the same prompts: what each draws, and what it takes."""

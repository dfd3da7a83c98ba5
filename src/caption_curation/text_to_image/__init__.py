"""The text-to-image generator: its fine-tuning, prompts, synthesis and image store."""

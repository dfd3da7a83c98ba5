"""From what a run wrote to its numbers."""

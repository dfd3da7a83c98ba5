"""From a run's outputs to its numbers."""

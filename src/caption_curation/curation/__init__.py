"""Curation = score × rule × action × schedule: pure functions, no model."""

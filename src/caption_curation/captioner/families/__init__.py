"""Families of captioners, a module each, called as ``model_type`` of their config.json says."""

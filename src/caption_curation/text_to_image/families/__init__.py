"""Families of generators, a module each, called as ``_class_name`` of model_index.json says."""

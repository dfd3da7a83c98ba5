"""Pretraining of the demo's small base models."""

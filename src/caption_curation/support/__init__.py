"""Errors, outputs written whole, launching processes: nothing that changes a result."""

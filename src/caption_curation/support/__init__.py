"""Errors, atomic outputs, launching processes: nothing that changes a result."""

"""Finished experiments, what varies between them, studies of many, and what one costs."""

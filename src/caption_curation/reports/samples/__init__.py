"""Samples of a run as a page and a table: the hardest, the edited, the removed."""

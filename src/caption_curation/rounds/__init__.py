"""A round of curation on anybody's losses, in Python and on files: no DVC, no torch."""

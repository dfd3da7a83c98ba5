"""Every stage of the main pipeline on a small project, and the digests of all that it writes."""

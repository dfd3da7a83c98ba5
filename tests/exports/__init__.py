"""What leaves: curated sets, captioners, captions."""

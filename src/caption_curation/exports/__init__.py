"""What leaves: curated training sets in the forms of others, captioners, and captions."""

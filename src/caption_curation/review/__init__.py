"""The page on which people decide about the samples that curation chose."""

"""The page about a corpus: what is in it, what it has several times, what was mended."""

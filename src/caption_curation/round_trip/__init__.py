"""The round trip: how much of a caption survives from text to image and back (paper, Table 1)."""

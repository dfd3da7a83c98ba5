"""The round trip: how much of a caption comes back after it became an image (paper, Table 1)."""

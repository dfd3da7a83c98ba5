"""The page about the round trip."""

"""The page about the human study."""

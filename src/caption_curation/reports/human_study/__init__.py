"""The report of the human study."""

"""The report of the round trip."""

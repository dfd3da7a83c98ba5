"""What a user has to download for a profile, and whether it is there."""

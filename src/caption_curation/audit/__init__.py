"""What curation did, compared with the noise that was planted in the demo world."""

"""What families that the libraries' own classes load have in common; no family itself."""

"""What curation did, held against what the demo world spoilt on purpose."""

"""Pictures and captions that a corpus has more than once, within and across its splits."""

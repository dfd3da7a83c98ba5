"""Random number generators that depend on what they are for, never on what ran before.

A rerun of one epoch, a run that was killed and a run on two processes draw the same numbers,
and experiments of one seed differ only by what curation changed.
"""

import hashlib

import numpy as np


def rng_for(*purpose: str | int) -> np.random.Generator:
    """A generator seeded by everything that names its purpose.

    Args:
        purpose: for instance ``(seed, epoch, "augmentation", sample_id)``.
    """
    return np.random.default_rng(seed_for(*purpose))


def seed_for(*purpose: str | int) -> int:
    """An integer in [0, 2**63) that is a hash of ``purpose``."""
    text = "\x1f".join(str(part) for part in purpose)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1

"""Random number generators seeded by what they are for, never by what ran before.

Rerunning one epoch, resuming a killed run and running on two processes all draw the same numbers,
and experiments with the same seed differ only in what curation changed.
"""

import hashlib

import numpy as np


def rng_for(*purpose: str | int) -> np.random.Generator:
    """A random number generator seeded by everything that names its purpose.

    Args:
        purpose: for instance ``(seed, epoch, "augmentation", sample_id)``.
    """
    return np.random.default_rng(seed_for(*purpose))


def seed_for(*purpose: str | int) -> int:
    """An integer in [0, 2**63) that is a hash of ``purpose``."""
    text = "\x1f".join(str(part) for part in purpose)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1

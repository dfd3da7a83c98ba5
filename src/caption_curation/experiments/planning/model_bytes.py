"""How large a model will be on disk."""

import math
from pathlib import Path

from safetensors import safe_open


def network_bytes(file: Path) -> float:
    """Size of a network in fp32, in which its file may not be."""
    with safe_open(file, "numpy") as weights:
        shapes = [weights.get_slice(name).get_shape() for name in weights.offset_keys()]
    return float(sum(4 * math.prod(shape) for shape in shapes))

"""Files of tensors that training goes on from after a kill: the newest of a folder counts."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file


def write_checkpoint(folder: Path, step: int, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write ``step-N.safetensors`` atomically, and remove earlier checkpoints.

    Args:
        folder: of this run's checkpoints; created if it does not exist.
        step: the number of steps done.
        tensors: by name; none shares its memory with another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left_by_a_kill in folder.glob("*.partial"):
        left_by_a_kill.unlink()
    path = folder / f"step-{step:08d}.safetensors"
    partial = path.with_suffix(".partial")
    save_file({name: value.contiguous() for name, value in tensors.items()}, partial)
    os.replace(partial, path)
    for older in _checkpoints(folder)[:-1]:
        older.unlink()


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint of a folder, if it has one; one that is cut off is removed."""
    for path in reversed(_checkpoints(folder)):
        try:
            with safe_open(path, framework="pt"):
                return path
        except SafetensorError:
            path.unlink()
    return None


def steps_done(checkpoint: Path) -> int:
    """The number of steps that were done when a checkpoint was written."""
    return int(checkpoint.stem.removeprefix("step-"))


def with_prefix(
    prefix: str, tensors: Iterable[tuple[str, torch.Tensor]]
) -> Iterable[tuple[str, torch.Tensor]]:
    """Those whose name begins with ``prefix``, named by what follows it."""
    return ((key.removeprefix(prefix), value) for key, value in tensors if key.startswith(prefix))


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.safetensors"))

"""Checkpoints of a generator's fine-tuning, so that a killed run can resume."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from caption_curation.optimisation.optimizer_state import restore_state, state_tensors


def save_checkpoint(
    folder: Path, step: int, unet: Any, optimizer: torch.optim.Optimizer, average: Any
) -> None:
    """Write ``step-N.safetensors`` atomically, and remove earlier checkpoints.

    Args:
        folder: of this run's checkpoints; created if it does not exist.
        step: the number of steps done.
        unet: the network in training.
        optimizer: of the network's parameters.
        average: diffusers' EMAModel of the network's parameters.
    """
    tensors = {f"unet.{name}": value for name, value in unet.state_dict().items()}
    tensors |= {f"average.{i}": value for i, value in enumerate(average.shadow_params)}
    tensors |= {f"optimizer.{name}": value for name, value in state_tensors(optimizer).items()}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:08d}.safetensors"
    partial = path.with_suffix(".partial")
    save_file({name: value.contiguous() for name, value in tensors.items()}, partial)
    os.replace(partial, path)
    for older in _checkpoints(folder)[:-1]:
        older.unlink()


def load_checkpoint(folder: Path, unet: Any, optimizer: torch.optim.Optimizer, average: Any) -> int:
    """Load the newest checkpoint of ``folder``, if there is one, into the given objects.

    Returns:
        The number of steps done; 0 where there is no checkpoint.
    """
    checkpoints = _checkpoints(folder)
    if not checkpoints:
        return 0
    tensors = load_file(checkpoints[-1], device=str(unet.device))
    unet.load_state_dict(dict(_with_prefix("unet.", tensors.items())))
    averages = dict(_with_prefix("average.", tensors.items()))
    average.shadow_params = [averages[str(index)] for index in range(len(averages))]
    restore_state(optimizer, dict(_with_prefix("optimizer.", tensors.items())))
    average.optimization_step = step = int(checkpoints[-1].stem.removeprefix("step-"))
    return step


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.safetensors"))


def _with_prefix(
    prefix: str, tensors: Iterable[tuple[str, torch.Tensor]]
) -> Iterable[tuple[str, torch.Tensor]]:
    return ((key.removeprefix(prefix), value) for key, value in tensors if key.startswith(prefix))

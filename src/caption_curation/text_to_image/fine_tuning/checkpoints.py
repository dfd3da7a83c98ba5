"""Checkpoints of a generator's fine-tuning, so that a killed run can resume."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from caption_curation.optimisation.checkpoints import (
    newest_checkpoint,
    steps_done,
    with_prefix,
    write_checkpoint,
)
from caption_curation.optimisation.optimizer_state import restore_state, state_tensors


def save_checkpoint(
    folder: Path, step: int, network: Any, optimizer: torch.optim.Optimizer, average: Any
) -> None:
    """Write ``step-N.safetensors`` atomically, and remove earlier checkpoints.

    Args:
        folder: of this run's checkpoints; created if it does not exist.
        step: the number of steps done.
        network: in training; what is frozen of it is not written.
        optimizer: of the network's parameters.
        average: diffusers' EMAModel of the network's parameters.
    """
    tensors = {f"unet.{name}": value for name, value in _trained(network).items()}
    tensors |= {f"average.{i}": value for i, value in enumerate(average.shadow_params)}
    tensors |= {f"optimizer.{name}": value for name, value in state_tensors(optimizer).items()}
    write_checkpoint(folder, step, tensors)


def load_checkpoint(
    folder: Path, network: Any, optimizer: torch.optim.Optimizer, average: Any
) -> int:
    """Load the newest checkpoint of ``folder``, if there is one, into the given objects.

    Returns:
        The number of steps done; 0 where there is no checkpoint.
    """
    newest = newest_checkpoint(folder)
    if newest is None:
        return 0
    tensors = load_file(newest, device=str(network.device))
    weights = dict(with_prefix("unet.", tensors.items()))
    if weights.keys() != _trained(network).keys():
        raise RuntimeError(f"{newest}: it is of another training")
    network.load_state_dict(weights, strict=False)
    averages = dict(with_prefix("average.", tensors.items()))
    average.shadow_params = [averages[str(index)] for index in range(len(averages))]
    restore_state(optimizer, dict(with_prefix("optimizer.", tensors.items())))
    average.optimization_step = step = steps_done(newest)
    return step


def _trained(network: Any) -> dict[str, torch.Tensor]:
    """The parameters of a network that are not frozen, by name."""
    trained = {name for name, value in network.named_parameters() if value.requires_grad}
    return {name: value for name, value in network.state_dict().items() if name in trained}

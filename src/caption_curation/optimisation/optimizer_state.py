"""An optimizer's state as named tensors, for safetensors files, and back.

The names are ``PARAMETER_INDEX.NAME``, such as ``0.exp_avg``: the index of a parameter among those
of the optimizer, and the name of what the optimizer keeps for it.
"""

from collections.abc import Mapping

import torch


def state_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """The moments and step counts of an optimizer, by name, contiguous."""
    return {
        f"{index}.{name}": value.contiguous()
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def restore_state(optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Put what :func:`state_tensors` gave into a new optimizer of the same parameters."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})

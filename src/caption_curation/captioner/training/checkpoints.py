"""Checkpoints within an epoch of the captioner's training, so that a killed one can resume.

They hold all that the next batch depends on: weights, the optimizer's moments, the losses so far,
the random state that dropout draws from, and into how many rows a process's memory has made it
split a batch. Order and augmentation come from each sample's id, and need no state.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file

from caption_curation.captioner.model.captioner import Captioner
from caption_curation.compute.process_group import from_main, gather, process_count, process_index
from caption_curation.compute.resuming import UnfinishedWork
from caption_curation.optimisation.checkpoints import (
    newest_checkpoint,
    with_prefix,
    write_checkpoint,
)
from caption_curation.optimisation.micro_batches import (
    GradientAccumulator,
    random_state,
    set_random_state,
)
from caption_curation.optimisation.optimizer_state import restore_state, state_tensors


@dataclass(frozen=True)
class Checkpoints:
    """Where checkpoints go, and how many steps lie between two."""

    work: UnfinishedWork
    steps: int

    def folder(self, batches: int) -> Path | None:
        """The folder for an epoch of so many batches; ``None`` if it is too short for one."""
        return self.work.folder() if batches > self.steps else None


@dataclass(frozen=True)
class EpochState:
    """All that a batch of an epoch changes."""

    captioner: Captioner
    optimizer: torch.optim.Optimizer
    accumulator: GradientAccumulator

    def save(self, folder: Path, losses: Sequence[float]) -> None:
        """Write a checkpoint; every process calls this.

        Args:
            folder: of this epoch's checkpoints.
            losses: of the batches so far.
        """
        limits = gather([self.accumulator.limits])
        if process_index() > 0:
            return
        tensors = {f"model.{name}": value for name, value in self._model().items()}
        tensors |= {f"optimizer.{name}": x for name, x in state_tensors(self.optimizer).items()}
        tensors["losses"] = torch.tensor(losses, dtype=torch.float64)
        tensors["random_state"] = random_state(self.captioner.device)
        tensors["limits"] = torch.tensor(limits)
        write_checkpoint(folder, len(losses), tensors)

    def restore(self, folder: Path) -> tuple[list[float], torch.Tensor | None]:
        """Go back to the newest checkpoint, if there is one; every process calls this.

        Returns:
            The losses of the batches that were done; and the random state to go on with, for
            :meth:`go_on_with`, as reading the first batch changes the present one.
        """
        newest = from_main(newest_checkpoint(folder) if process_index() == 0 else None)
        if newest is None:
            return [], None
        tensors = load_file(newest)
        saved = dict(with_prefix("model.", tensors.items()))
        with torch.no_grad():
            for name, value in self._model().items():
                value.copy_(saved[name])
        restore_state(self.optimizer, dict(with_prefix("optimizer.", tensors.items())))
        if len(tensors["limits"]) == process_count():
            self.accumulator.limits = tensors["limits"][process_index()].tolist()
        return tensors["losses"].tolist(), tensors["random_state"]

    def go_on_with(self, state: torch.Tensor) -> None:
        """Set the random state that dropout draws from."""
        set_random_state(self.captioner.device, state)

    def _model(self) -> dict[str, torch.Tensor]:
        """Parameters that are trained, and buffers; those that are tied once."""
        model = self.captioner.model
        parameters = {
            name: value for name, value in model.named_parameters() if value.requires_grad
        }
        return parameters | dict(model.named_buffers())

"""The gradient of a training step's batch, whoever computes which part of it.

A profile's batch is that of all processes together. Each computes its rows, in as many parts as its
memory asks for. What a part adds to the batch's loss is its own mean loss times its share of what
the batch's mean is over, so the sum of the parts' gradients is the gradient of a process that
computes the whole batch at once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from caption_curation.compute.process_group import add_up, process_count, process_index


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows from ``start`` to before ``stop`` of a batch of ``total``."""

    start: int
    stop: int
    total: int

    @property
    def are_all(self) -> bool:
        """Whether they are the whole batch."""
        return self.stop - self.start == self.total


LossOfRows = Callable[[Rows], torch.Tensor]


def own_rows(total: int) -> Rows:
    """The rows of a batch that this process computes; none where there are more processes."""
    index, count = process_index(), process_count()
    return Rows(index * total // count, (index + 1) * total // count, total)


def computed_rows(total: int) -> Rows:
    """``own_rows``; the first row where it has none, whose loss then counts for nothing.

    So that all processes draw the same random numbers and have gradients to add.
    """
    rows = own_rows(total)
    return rows if rows.stop > rows.start else Rows(0, 1, total)


class SharedBatches:
    """Computes gradients of batches, in parts that are halved when a GPU runs out of memory.

    A row that does not fit alone is tried with gradient checkpointing. Neither changes a result
    but for rounding, so neither is a parameter.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        device: torch.device,
        use_checkpointing: Callable[[], Any],
    ) -> None:
        """Start with whole batches.

        Args:
            optimizer: of the parameters whose gradients are wanted.
            device: where the model is.
            use_checkpointing: turns the model's gradient checkpointing on.
        """
        self._optimizer, self._device = optimizer, device
        self._use_checkpointing = use_checkpointing
        self._most_rows: int | None = None  # at a time; None: no limit is known
        self._checkpointing = False

    def backward(self, total: int, loss_of: LossOfRows) -> float:
        """Put the batch's gradient into the parameters, on all processes; the batch's loss.

        Args:
            total: rows of the batch.
            loss_of: what the given rows add to the batch's loss; it is called for parts of this
                process's rows, each time with the random state that it was called with first.

        Raises:
            torch.OutOfMemoryError: one row does not fit, even with gradient checkpointing.
        """
        rows = computed_rows(total)
        loss = self._in_parts(rows, loss_of)
        while loss is None:
            self._most_rows = self._fewer_rows(rows)
            loss = self._in_parts(rows, loss_of)
        gradients = [
            parameter.grad
            for group in self._optimizer.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
        ]
        add_up([loss, *gradients])
        return float(loss)

    def _in_parts(self, rows: Rows, loss_of: LossOfRows) -> torch.Tensor | None:
        """The loss of ``rows``, with its gradient; ``None`` if the memory does not suffice."""
        idle = own_rows(rows.total).stop == own_rows(rows.total).start
        start = _random_state(self._device)
        self._optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self._device)
        try:
            for part in _parts(rows, self._most_rows):
                _set_random_state(self._device, start)
                loss = loss_of(part)
                torch.autograd.backward(loss * 0 if idle else loss)
                total = total + (0 if idle else loss.detach())
        except torch.OutOfMemoryError:
            if self._most_rows == 1 and self._checkpointing:
                raise
            _set_random_state(self._device, start)
            return None
        return total

    def _fewer_rows(self, rows: Rows) -> int:
        torch.cuda.empty_cache()
        tried = min(self._most_rows or rows.total, rows.stop - rows.start)
        if tried == 1:
            self._use_checkpointing()
            self._checkpointing = True
        return max(1, tried // 2)


def _parts(rows: Rows, most: int | None) -> Iterator[Rows]:
    size = most or rows.total
    for start in range(rows.start, rows.stop, size):
        yield Rows(start, min(start + size, rows.stop), rows.total)


def _random_state(device: torch.device) -> torch.Tensor:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def _set_random_state(device: torch.device, state: torch.Tensor) -> None:
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)

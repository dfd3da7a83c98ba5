"""The gradient of a training step's batch, however it is split over processes and micro-batches.

A profile's batch size is that of all processes together. Each process computes its shard of the
batch, in micro-batches that fit into its memory. A micro-batch contributes its own mean loss times
its share of what the batch's mean is taken over, so the gradients of all micro-batches add up to
that of one process that computes the whole batch at once.

No library does this. DistributedDataParallel averages the means of the processes, and accelerate's
gradient accumulation those of the micro-batches, which is a different loss if their numbers of
target tokens differ; accelerate's ``find_executable_batch_size`` starts training again with
smaller batches.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from caption_curation.compute.process_group import all_reduce, process_count, process_index


@dataclass(frozen=True, slots=True)
class BatchSlice:
    """The rows from ``start`` up to, but not including, ``stop`` of a batch of ``batch_size``."""

    start: int
    stop: int
    batch_size: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def is_whole_batch(self) -> bool:
        """Whether it has all rows of the batch."""
        return len(self) == self.batch_size


SliceLoss = Callable[[BatchSlice], torch.Tensor]


def own_shard(batch_size: int) -> BatchSlice:
    """This process's shard of a batch; empty for some where there are more processes than rows."""
    index, count = process_index(), process_count()
    return BatchSlice(index * batch_size // count, (index + 1) * batch_size // count, batch_size)


def padded_shard(batch_size: int) -> BatchSlice:
    """:func:`own_shard`, or the batch's first row if that is empty; its loss then counts as zero.

    That way all processes draw the same random numbers and have gradients to sum.
    """
    shard = own_shard(batch_size)
    return shard if len(shard) else BatchSlice(0, 1, batch_size)


class GradientAccumulator:
    """Computes gradients of batches, in micro-batches that are halved when a GPU is out of memory.

    If a single row does not fit, it is tried with gradient checkpointing. Neither changes a result
    beyond rounding, so neither is a parameter.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        device: torch.device,
        use_checkpointing: Callable[[], Any],
    ) -> None:
        """Start with a micro-batch of all rows.

        Args:
            optimizer: of the parameters whose gradients are wanted.
            device: where the model is.
            use_checkpointing: turns the model's gradient checkpointing on.
        """
        self._optimizer, self._device = optimizer, device
        self._use_checkpointing = use_checkpointing
        self._max_rows: int | None = None  # of a micro-batch; None: no limit is known
        self._checkpointing = False

    @property
    def limits(self) -> list[int]:
        """What memory allows this process: rows of a micro-batch (0: no limit is known), and 1 with
        gradient checkpointing, 0 without.
        """
        return [self._max_rows or 0, int(self._checkpointing)]

    @limits.setter
    def limits(self, limits: Sequence[int]) -> None:
        rows, checkpointing = limits
        self._max_rows = rows or None
        if checkpointing and not self._checkpointing:
            self._turn_checkpointing_on()

    def backward(self, batch_size: int, slice_loss: SliceLoss) -> float:
        """Set the parameters' gradients to those of the batch, on all processes.

        Args:
            batch_size: number of rows, of all processes together.
            slice_loss: what a slice contributes to the batch's loss; called for micro-batches of
                this process's shard, each time with the random state of the first call.

        Returns:
            The loss of the batch.

        Raises:
            torch.OutOfMemoryError: a single row does not fit, even with gradient checkpointing.
        """
        shard = padded_shard(batch_size)
        loss = self._accumulate(shard, slice_loss)
        while loss is None:
            self._max_rows = self._reduce_rows(shard)
            loss = self._accumulate(shard, slice_loss)
        gradients = [
            parameter.grad
            for group in self._optimizer.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
        ]
        all_reduce([loss, *gradients])
        return float(loss)

    def _accumulate(self, shard: BatchSlice, slice_loss: SliceLoss) -> torch.Tensor | None:
        """The loss of ``shard``, with its gradient; ``None`` if it ran out of memory."""
        is_padding = not len(own_shard(shard.batch_size))
        start = random_state(self._device)
        self._optimizer.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self._device)
        try:
            for micro_batch in _micro_batches(shard, self._max_rows):
                set_random_state(self._device, start)
                loss = slice_loss(micro_batch)
                torch.autograd.backward(loss * 0 if is_padding else loss)
                total = total + (0 if is_padding else loss.detach())
        except torch.OutOfMemoryError:
            if self._max_rows == 1 and self._checkpointing:
                raise
            set_random_state(self._device, start)
            return None
        return total

    def _reduce_rows(self, shard: BatchSlice) -> int:
        """The next smaller limit; at one row, gradient checkpointing is turned on."""
        torch.cuda.empty_cache()
        tried = min(self._max_rows or shard.batch_size, len(shard))
        if tried == 1:
            self._turn_checkpointing_on()
        return max(1, tried // 2)

    def _turn_checkpointing_on(self) -> None:
        self._use_checkpointing()
        self._checkpointing = True


def _micro_batches(shard: BatchSlice, max_rows: int | None) -> Iterator[BatchSlice]:
    size = max_rows or shard.batch_size
    for start in range(shard.start, shard.stop, size):
        yield BatchSlice(start, min(start + size, shard.stop), shard.batch_size)


def random_state(device: torch.device) -> torch.Tensor:
    """The state of the random numbers that are drawn on a device."""
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def set_random_state(device: torch.device, state: torch.Tensor) -> None:
    """Draw on from a state of :func:`random_state`."""
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)

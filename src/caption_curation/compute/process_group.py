"""The process group of a stage: how its processes share batches, gather results, sum gradients.

As with every collective, all processes call a function of this module or none does. A process that
runs alone communicates with nobody. torch's own collectives do the work; what they lack is results
in the order of the batches, whatever the number of processes.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any

import torch
from torch import distributed

from caption_curation.support.launcher import process_info

_PADDING = object()


def init_process_group() -> None:
    """Connect to the other processes of the stage, if the launcher started any."""
    if process_info().count > 1 and not distributed.is_initialized():
        distributed.init_process_group()  # NCCL for tensors on a GPU, otherwise Gloo


def destroy_process_group() -> None:
    """Disconnect when the work is done; not after an error, when the others would not answer."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def process_index() -> int:
    """The rank of this process in the group, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def process_count() -> int:
    """The number of processes in the group."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def shard(batches: Sequence[Any]) -> list[Any]:
    """This process's share of the batches, which are assigned round-robin.

    Batches are never split, so the results of each are those of a single process.
    """
    return list(batches[process_index() :: process_count()])


def gather(results: Sequence[Any]) -> list[Any]:
    """The results of all batches that :func:`shard` assigned, in batch order, on every process."""
    if process_count() == 1:
        return list(results)
    by_process: list[Any] = [None] * process_count()
    distributed.all_gather_object(by_process, list(results))
    interleaved = chain.from_iterable(zip_longest(*by_process, fillvalue=_PADDING))
    return [result for result in interleaved if result is not _PADDING]


def from_main(value: Any) -> Any:
    """What the main process gives, on every process; what the others give is ignored."""
    if process_count() == 1:
        return value
    values = [value]
    distributed.broadcast_object_list(values)
    return values[0]


def all_reduce(tensors: Iterable[torch.Tensor]) -> None:
    """Replace each tensor by its sum over all processes."""
    if process_count() > 1:
        pending = [distributed.all_reduce(tensor, async_op=True) for tensor in tensors]
        for work in pending:
            work.wait()

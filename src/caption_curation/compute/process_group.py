"""What the processes of a stage tell each other: results of batches, sums of gradients.

All of them call each function of this module, or none does. A process that is alone talks to
nobody.
"""

from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any

import torch
from torch import distributed

from caption_curation.support.launcher import these_processes

ABSENT = object()


def join_processes() -> None:
    """Connect to the other processes of the stage, if the launcher started any."""
    if these_processes().count > 1 and not distributed.is_initialized():
        distributed.init_process_group()  # NCCL for what lies on a GPU, else Gloo


def leave_processes() -> None:
    """Disconnect, when the work is done; after an error the others would not answer."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def process_index() -> int:
    """This process's place among those that joined, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def process_count() -> int:
    """The number of processes that joined."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def dealt(batches: Sequence[Any]) -> list[Any]:
    """This process's part of the batches, which are dealt out in turn.

    Every batch is computed whole, so its results are those of a process that is alone.
    """
    return list(batches[process_index() :: process_count()])


def collected(results: Sequence[Any]) -> list[Any]:
    """The results of all batches that were :func:`dealt`, in the batches' order, everywhere."""
    if process_count() == 1:
        return list(results)
    of_each: list[Any] = [None] * process_count()
    distributed.all_gather_object(of_each, list(results))
    in_turn = chain.from_iterable(zip_longest(*of_each, fillvalue=ABSENT))
    return [result for result in in_turn if result is not ABSENT]


def add_up(tensors: Iterable[torch.Tensor]) -> None:
    """Replace each tensor by its sum over all processes."""
    if process_count() > 1:
        for under_way in [distributed.all_reduce(one, async_op=True) for one in tensors]:
            under_way.wait()

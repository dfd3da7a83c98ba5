"""Dropout that is the same however a batch is divided.

A training step's batch may be divided among processes, and again into parts that fit into memory.
Each of them draws the mask of the whole batch, from the same random state, and uses its own rows.
"""

import torch
from torch import nn

from caption_curation.optimisation.micro_batches import Rows


class BatchDropout(nn.Dropout):
    """Dropout of ``rows`` of a batch; the first dimension of its input is theirs.

    On the whole batch it equals torch's own on a CPU, bit by bit.
    """

    rows: Rows | None = None  # None: what comes is the whole batch

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """``input``, each value zero with probability ``p``, otherwise divided by 1 - ``p``."""
        if not self.training or self.p == 0:
            return input
        rows = self.rows or Rows(0, len(input), len(input))
        mask = input.new_empty((rows.total, *input.shape[1:])).bernoulli_(1 - self.p)
        mask.div_(1 - self.p)
        if not rows.are_all:
            mask = mask[rows.start : rows.stop].clone()  # else backward would keep all of it
        return input * mask


def replace_dropout(model: nn.Module) -> list[BatchDropout]:
    """Make every ``Dropout`` of ``model`` a :class:`BatchDropout`; returns all that it then has."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, BatchDropout(child.p).train(child.training))
    return [module for module in model.modules() if isinstance(module, BatchDropout)]

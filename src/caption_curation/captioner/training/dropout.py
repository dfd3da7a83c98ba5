"""Dropout that does not depend on how a batch is split.

A training step's batch may be split over processes, and again into micro-batches that fit into
memory. For each of them the mask of the whole batch is drawn, from the same random state, and only
its own rows of the mask are used.
"""

import torch
from torch import nn

from caption_curation.optimisation.micro_batches import BatchSlice


class BatchDropout(nn.Dropout):
    """Dropout on the rows ``batch_slice`` of a batch, which are its input's first dimension.

    On the whole batch it equals torch's own on a CPU, bit for bit.
    """

    batch_slice: BatchSlice | None = None  # None: the input is the whole batch

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """``input``, each value zero with probability ``p``, otherwise divided by 1 - ``p``."""
        if not self.training or self.p == 0:
            return input
        rows = self.batch_slice
        batch_size = len(input) if rows is None else rows.batch_size
        mask = input.new_empty((batch_size, *input.shape[1:])).bernoulli_(1 - self.p)
        mask.div_(1 - self.p)
        if rows is not None and not rows.is_whole_batch:
            mask = mask[rows.start : rows.stop].clone()  # a view would keep all of it for backward
        return input * mask


def replace_dropout(model: nn.Module) -> list[BatchDropout]:
    """Make every ``Dropout`` of ``model`` a :class:`BatchDropout`; returns all of them."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, BatchDropout(child.p).train(child.training))
    return [module for module in model.modules() if isinstance(module, BatchDropout)]

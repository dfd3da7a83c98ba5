"""Dropout that does not depend on how a batch is split.

A training step's batch may be split over processes, and again into micro-batches that fit into
memory. For each of them the mask of the whole batch is drawn, from the same random state, and only
its own rows of the mask are used.

Dropout comes as modules, which are replaced, and in models of other families than BLIP as functions
too, ``dropout`` and the attention's, which are intercepted while the model computes. What else is
random in such a model, stochastic depth, is drawn for a part of a batch by its own rules: it is
left out, as statistics over a batch are, which would depend on the split too.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

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
        return dropped(input, self.p, self.batch_slice)


def dropped(input: torch.Tensor, p: float, rows: BatchSlice | None) -> torch.Tensor:
    """``input``, each value zero with probability ``p``, otherwise divided by 1 - ``p``.

    Args:
        input: (n · k, …) where ``rows`` are n rows of a batch.
        p: in (0, 1).
        rows: that ``input`` is of; ``None``: it is the whole batch.
    """
    if rows is None or rows.is_whole_batch:
        first = len(input)
        part = slice(None)
    else:
        each, rest = divmod(len(input), len(rows))
        if rest:
            raise ValueError(f"{len(input)} rows are not those of {len(rows)} samples")
        first = rows.batch_size * each
        part = slice(rows.start * each, rows.stop * each)
    mask = input.new_empty((first, *input.shape[1:])).bernoulli_(1 - p)
    mask.div_(1 - p)
    if rows is not None and not rows.is_whole_batch:
        mask = mask[part].clone()  # a view would keep all of it for backward
    return input * mask


class SampleDropout:
    """All dropout of a model: which rows of a batch it is computing decides what is dropped."""

    def __init__(self, model: nn.Module) -> None:
        """Replace every ``Dropout`` of ``model`` by a :class:`BatchDropout`."""
        self._modules = replace_dropout(model)
        self._rows: BatchSlice | None = None
        for module in model.modules():
            if isinstance(module, _BatchNorm) or type(module).__name__.endswith("DropPath"):
                module.eval()

    @property
    def batch_slice(self) -> BatchSlice | None:
        """The rows that the model computes; ``None``: the whole batch."""
        return self._rows

    @batch_slice.setter
    def batch_slice(self, rows: BatchSlice) -> None:
        self._rows = rows
        for module in self._modules:
            module.batch_slice = rows

    @contextmanager
    def in_functions(self, intercept: bool) -> Iterator[None]:
        """Intercept torch's functions of dropout too, or leave them as they are."""
        if not intercept:
            yield
            return
        with _Functions(self):
            yield


class _Functions(TorchFunctionMode):
    """Torch's functions, those that drop something replaced by what drops it by rows."""

    def __init__(self, dropout: SampleDropout) -> None:
        super().__init__()
        self._dropout = dropout

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is functional.dropout:
            return self._dropped(*args, **kwargs)
        if func is functional.scaled_dot_product_attention:
            return self._attention(*args, **kwargs)
        return func(*args, **kwargs)

    def _dropped(
        self, input: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> torch.Tensor:
        if not training or p == 0:
            return input
        return dropped(input, p, self._dropout.batch_slice)

    def _attention(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> torch.Tensor:
        if dropout_p == 0:
            return functional.scaled_dot_product_attention(
                query, key, value, attn_mask, 0.0, is_causal, scale=scale, enable_gqa=enable_gqa
            )
        if enable_gqa:
            groups = query.shape[1] // key.shape[1]
            key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
        scores = query @ key.transpose(-2, -1) * (scale or 1 / math.sqrt(query.shape[-1]))
        if is_causal:
            ones = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device)
            scores = scores.masked_fill(~ones.tril(), -math.inf)
        if attn_mask is not None:
            if attn_mask.dtype == torch.bool:
                scores = scores.masked_fill(~attn_mask, -math.inf)
            else:
                scores = scores + attn_mask
        return dropped(scores.softmax(-1), dropout_p, self._dropout.batch_slice) @ value


def replace_dropout(model: nn.Module) -> list[BatchDropout]:
    """Make every ``Dropout`` of ``model`` a :class:`BatchDropout`; returns all of them."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Dropout:
                setattr(module, name, BatchDropout(child.p).train(child.training))
    return [module for module in model.modules() if isinstance(module, BatchDropout)]

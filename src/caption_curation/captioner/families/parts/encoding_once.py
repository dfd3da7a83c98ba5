"""Pictures encoded once for all their captions, in models that encode them while they read.

Such a model is given a picture for every caption. What turns pictures into features, a method
``get_image_features`` or a module ``image_encoder``, is made to compute those of the different
pictures only, and to give each caption its picture's. A model with neither computes them for every
caption, with the same result.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

PER_IMAGE = ("pooler_output",)  # what is a list here has a tensor an image
PER_LEVEL = ("deepstack_features",)  # and here one a level, each of all images


@contextmanager
def encoded_once(model: Any, image_index: torch.Tensor) -> Iterator[None]:
    """Encode every picture once.

    Args:
        model: that is called with a picture for every caption.
        image_index: int64 (captions,): which picture each has, in ascending order from 0.
    """
    images = int(image_index[-1]) + 1
    captions = len(image_index)
    first = torch.searchsorted(image_index, torch.arange(images, device=image_index.device))

    def different(value: Any) -> Any:
        return _rows(value, captions, first)

    def of_captions(value: Any) -> Any:
        return _rows(value, images, image_index)

    inner = getattr(model, "model", model)
    holder = inner if hasattr(inner, "get_image_features") else None
    encoder = next(
        (module for name, module in model.named_modules() if name.endswith("image_encoder")), None
    )
    if holder is not None:
        encode = holder.get_image_features

        def once(*args: Any, **kwargs: Any) -> Any:
            found = encode(
                *map(different, args), **{name: different(x) for name, x in kwargs.items()}
            )
            return _features(found, images, image_index)

        holder.get_image_features = once
        try:
            yield
        finally:
            del holder.get_image_features
    elif encoder is not None:
        hooks = [
            encoder.register_forward_pre_hook(
                lambda module, args, kwargs: (
                    tuple(map(different, args)),
                    {name: different(value) for name, value in kwargs.items()},
                ),
                with_kwargs=True,
            ),
            encoder.register_forward_hook(
                lambda module, args, output: type(output)(
                    last_hidden_state=of_captions(output.last_hidden_state)
                )
            ),
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
    else:
        yield


def _rows(value: Any, count: int, index: torch.Tensor) -> Any:
    """The parts of ``count`` equal ones of a tensor, by index; anything else as it is."""
    if not isinstance(value, torch.Tensor) or value.ndim == 0 or len(value) % count:
        return value
    parts = value.reshape(count, len(value) // count, *value.shape[1:])
    return parts[index.to(value.device)].flatten(0, 1)


def _features(found: Any, images: int, index: torch.Tensor) -> Any:
    """The features of each caption's picture."""
    if isinstance(found, torch.Tensor):
        return _rows(found, images, index)
    if isinstance(found, tuple | list):
        return type(found)(found[image] for image in index.tolist())
    kept = {}
    for name, value in found.items():
        if isinstance(value, torch.Tensor):
            kept[name] = _rows(value, images, index)
        elif name in PER_IMAGE:
            kept[name] = type(value)(value[image] for image in index.tolist())
        elif name in PER_LEVEL:
            kept[name] = [_rows(level, images, index) for level in value]
    return type(found)(**kept)

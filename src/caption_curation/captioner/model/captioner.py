"""A captioner of any family: a model with its tokenizer, and what every family knows to do with it.

What a family does otherwise than others is in its module in ``captioner/families``, whose docstring
is the contract. It is found by the type that the model's own config.json gives. No module of a
family is imported by name here, so that a stage depends on the family of its captioner alone, by
the digest that the stage ``families`` writes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from caption_curation.captioner.model.adapters import (
    AdapterOf,
    adapted_folder,
    load_adapter,
    save_adapter,
)
from caption_curation.captioner.model.family import CAPTIONERS
from caption_curation.config.experiment import Evaluation
from caption_curation.config.profile import BeamLength

IGNORED = -100  # cross-entropy's ignore_index: targets that do not count

# What a family makes of one picture, or of several that are stacked: a tensor or several by name.
Pixels = torch.Tensor | Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Captioner:
    """A model with its tokenizer, on a device.

    Attributes:
        model: transformers' model.
        tokenizer: of captions.
        device: where the model is.
        image_size: width and height that every picture is resized to, in pixels.
        processor: what else makes a model's input of pictures and text; ``None``: nothing does.
        instruction: what the model is asked with every picture; ``None``: nothing.
        adapter: of which model the trained weights are an adapter; ``None``: all weights are
            trained.
    """

    model: Any
    tokenizer: Any
    device: torch.device
    image_size: int
    processor: Any = None
    instruction: str | None = None
    adapter: AdapterOf | None = None


@dataclass(frozen=True)
class CaptionTokens:
    """Captions as the decoder's inputs and targets.

    All are int64 tensors. ``inputs`` and ``mask`` are (captions, longest input in tokens);
    ``targets`` is (captions, T): ``targets[:, t]`` is the token that follows the input t of the
    last T ones, or ``IGNORED`` where no loss is counted: on padding and on what every caption
    begins with.
    """

    inputs: torch.Tensor
    mask: torch.Tensor
    targets: torch.Tensor

    def to(self, device: torch.device) -> "CaptionTokens":
        """The same tokens on ``device``."""
        return CaptionTokens(self.inputs.to(device), self.mask.to(device), self.targets.to(device))


def load_captioner(
    folder: Path,
    image_size: int,
    device: torch.device,
    *,
    instruction: str | None = None,
    base: Path | None = None,
) -> Captioner:
    """Load a captioner that one of the stages saved, in float32 whatever it was saved in.

    Args:
        folder: of the model, or of an adapter of the base model.
        image_size: width and height that every picture is resized to, in pixels.
        device: where the model goes.
        instruction: what the model is asked with every picture; ``None``: nothing.
        base: the folder of the model that an adapter belongs to; ``None``: that of epoch 0.

    Raises:
        InputError: it is of no family that is known, a file is damaged or of another model
            (:mod:`~caption_curation.model_loading`), the model takes images of another size than
            the profile says, its family knows no instructions, or the base of an adapter is
            another one.
    """
    base = adapted_folder(folder, base)
    family = CAPTIONERS.load(CAPTIONERS.name(base or folder))
    captioner: Captioner = family.load_captioner(base or folder, image_size, instruction, device)
    return load_adapter(captioner, folder) if base else captioner


def save_captioner(captioner: Captioner, folder: Path) -> None:
    """Save a captioner in the hub's layout, or its adapter alone, with a reference to the base."""
    if captioner.adapter:
        save_adapter(captioner.model, captioner.adapter, folder)
    else:
        _family(captioner).save_captioner(captioner, folder)


def image_transform(captioner: Captioner) -> Callable[[Image.Image], Pixels]:
    """What makes a model's input of a picture of ``image_size`` × ``image_size`` pixels.

    Returns:
        A function that can be pickled; the shapes that it gives are the same for all pictures.
    """
    transform: Callable[[Image.Image], Pixels] = _family(captioner).image_transform(captioner)
    return transform


def caption_tokens(
    captioner: Captioner, captions: Sequence[str], *, prompt: str, max_tokens: int
) -> CaptionTokens:
    """Tokens of ``prompt`` + caption, for training or scoring.

    Args:
        captioner: its tokenizer and special tokens are used.
        captions: raw captions; the family cleans them as it was trained.
        prompt: the text that every caption begins with, for instance "a picture of ".
        max_tokens: longer captions are cut; start token, prompt and end token included.

    Raises:
        InputError: ``max_tokens`` leaves no room for a word, or exceeds the model's positions.
    """
    tokens: CaptionTokens = _family(captioner).caption_tokens(
        captioner, captions, prompt=prompt, max_tokens=max_tokens
    )
    return tokens


def next_token_logits(captioner: Captioner, pixels: Pixels, tokens: CaptionTokens) -> torch.Tensor:
    """Logits of every next token, with each caption's own picture.

    Args:
        captioner: the model.
        pixels: (captions, …): each caption's picture.
        tokens: of the captions.

    Returns:
        (captions, T, vocabulary), aligned with ``tokens.targets``.
    """
    logits: torch.Tensor = _family(captioner).next_token_logits(captioner, pixels, tokens)
    return logits


def shared_image_logits(
    captioner: Captioner, pixels: Pixels, image_index: torch.Tensor, tokens: CaptionTokens
) -> torch.Tensor:
    """Next-token logits of captions that share images, each of which is encoded once if it can be.

    Args:
        captioner: the model.
        pixels: (images, …).
        image_index: int64 (captions,): the index of each caption's image in ``pixels``; captions
            of an image are neighbours, and images are in order.
        tokens: of the captions.

    Returns:
        (captions, T, vocabulary), aligned with ``tokens.targets``.
    """
    logits: torch.Tensor = _family(captioner).shared_image_logits(
        captioner, pixels, image_index, tokens
    )
    return logits


def drops_in_functions(captioner: Captioner) -> bool:
    """Whether the model calls functions of dropout, besides modules."""
    return bool(_family(captioner).DROPOUT_IN_FUNCTIONS)


def check_lengths(
    captioner: Captioner, prompt: str, evaluation: Evaluation, beam_length: BeamLength
) -> None:
    """Refuse lengths that the model cannot generate.

    Raises:
        InputError: naming the lengths that it can, or the rules of length.
    """
    _family(captioner).check_lengths(captioner, prompt, evaluation, beam_length)


def beam_captions(
    captioner: Captioner,
    pixels: Pixels,
    *,
    prompt: str,
    evaluation: Evaluation,
    beam_length: BeamLength,
) -> list[str]:
    """One caption per picture by beam search, without the prompt.

    Args:
        captioner: the model, in evaluation mode.
        pixels: (images, …).
        prompt: the text that the decoder continues.
        evaluation: number of beams and lengths in tokens, start token and prompt included.
        beam_length: which tokens a hypothesis's log probability is divided by.
    """
    captions: list[str] = _family(captioner).beam_captions(
        captioner, pixels, prompt=prompt, evaluation=evaluation, beam_length=beam_length
    )
    return captions


def on_device(pixels: Pixels, device: torch.device) -> Pixels:
    """Pixels on a device; from pinned memory they are copied meanwhile."""
    if isinstance(pixels, torch.Tensor):
        return pixels.to(device, non_blocking=True)
    return {name: value.to(device, non_blocking=True) for name, value in pixels.items()}


def rows_of(pixels: Pixels, rows: slice) -> Pixels:
    """The pixels of some pictures."""
    if isinstance(pixels, torch.Tensor):
        return pixels[rows]
    return {name: value[rows] for name, value in pixels.items()}


def _family(captioner: Captioner) -> Any:
    return CAPTIONERS.load(CAPTIONERS.module(captioner.model.config.model_type))

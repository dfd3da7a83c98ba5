"""A captioner of any family: a model with its tokenizer, and what every family knows to do with it.

What a family does otherwise than others is in its module in ``captioner/families``, which is found
by the name that the model's own config.json gives. No module of a family is imported by name here,
so that a stage depends on the family of its captioner alone, by the digest that the stage
``families`` writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from caption_curation.captioner.model.family import CAPTIONERS

IGNORED = -100  # cross-entropy's ignore_index: targets that do not count


@dataclass(frozen=True)
class Captioner:
    """A BLIP model with its tokenizer, on a device."""

    model: Any
    tokenizer: Any
    device: torch.device

    @property
    def image_size(self) -> int:
        """Width and height of the pixels that the model takes."""
        return int(self.model.config.vision_config.image_size)


@dataclass(frozen=True)
class CaptionTokens:
    """Captions as the decoder's inputs and targets.

    All are int64 tensors of shape (captions, longest caption in tokens). ``targets[:, t]`` is the
    token that follows ``inputs[:, t]``, or ``IGNORED`` where no loss is counted.
    """

    inputs: torch.Tensor
    mask: torch.Tensor
    targets: torch.Tensor

    def to(self, device: torch.device) -> "CaptionTokens":
        """The same tokens on ``device``."""
        return CaptionTokens(self.inputs.to(device), self.mask.to(device), self.targets.to(device))


def load_captioner(folder: Path, image_size: int, device: torch.device) -> Captioner:
    """Load a captioner that one of the stages saved, in float32 whatever it was saved in.

    Raises:
        InputError: it is of no family that is known, a file is damaged or of another model
            (:mod:`~caption_curation.model_loading`), or the model takes images of another size than
            the profile says.
    """
    family = CAPTIONERS.load(CAPTIONERS.name(folder))
    captioner: Captioner = family.load_captioner(folder, image_size, device)
    return captioner


def save_captioner(captioner: Captioner, folder: Path) -> None:
    """Save a captioner in the hub's layout: weights, configuration, tokenizer, preprocessor."""
    _family(captioner).save_captioner(captioner, folder)


def caption_tokens(
    captioner: Captioner, captions: Sequence[str], *, prompt: str, max_tokens: int
) -> CaptionTokens:
    """Tokens of ``prompt`` + caption, for training or scoring.

    Args:
        captioner: its tokenizer and special tokens are used.
        captions: raw captions; the family cleans them as it was trained.
        prompt: the text that every caption begins with, for instance "a picture of ".
        max_tokens: longer captions are cut, special tokens included.

    Raises:
        InputError: ``max_tokens`` leaves no room for a word, or exceeds the model's positions.
    """
    tokens: CaptionTokens = _family(captioner).caption_tokens(
        captioner, captions, prompt=prompt, max_tokens=max_tokens
    )
    return tokens


def prompt_length(captioner: Captioner, prompt: str) -> int:
    """Number of tokens of the prompt, including the start token but no end token."""
    return int(_family(captioner).prompt_length(captioner, prompt))


def encode_images(captioner: Captioner, pixels: torch.Tensor) -> torch.Tensor:
    """Image states for the decoder's cross-attention.

    Args:
        captioner: the model.
        pixels: (images, 3, size, size), normalised.

    Returns:
        (images, positions, hidden size).
    """
    states: torch.Tensor = _family(captioner).encode_images(captioner, pixels)
    return states


def next_token_logits(
    captioner: Captioner, image_states: torch.Tensor, tokens: CaptionTokens
) -> torch.Tensor:
    """Logits of every next token.

    Args:
        captioner: the model.
        image_states: (captions, positions, hidden size): each caption's image.
        tokens: of the captions.

    Returns:
        (captions, tokens, vocabulary), aligned with ``tokens.targets``.
    """
    logits: torch.Tensor = _family(captioner).next_token_logits(captioner, image_states, tokens)
    return logits


def shared_image_logits(
    captioner: Captioner, pixels: torch.Tensor, image_index: torch.Tensor, tokens: CaptionTokens
) -> torch.Tensor:
    """Next-token logits of captions that share images, each of which is encoded once.

    Args:
        captioner: the model.
        pixels: (images, 3, size, size), normalised.
        image_index: int64 (captions,): the index of each caption's image in ``pixels``.
        tokens: of the captions.

    Returns:
        (captions, tokens, vocabulary), aligned with ``tokens.targets``.
    """
    logits: torch.Tensor = _family(captioner).shared_image_logits(
        captioner, pixels, image_index, tokens
    )
    return logits


def _family(captioner: Captioner) -> Any:
    return CAPTIONERS.load(captioner.model.config.model_type)

"""An image encoder with a text decoder beside it (``VisionEncoderDecoderModel``), as ViT-GPT2.

The decoder begins with its start token and ``training.prompt``; the loss is counted on the caption
and the end token alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from caption_curation.captioner.families.parts.continuations import (
    Speech,
    end_token,
    positions_of,
)
from caption_curation.captioner.families.parts.processors import (
    PicturePixels,
    load_image_processor,
)
from caption_curation.captioner.model.captioner import Captioner, CaptionTokens
from caption_curation.config.experiment import Evaluation
from caption_curation.config.profile import BeamLength
from caption_curation.model_loading import load_model, load_part
from caption_curation.support.errors import InputError

DROPOUT_IN_FUNCTIONS = True


@dataclass(frozen=True)
class Parts:
    """The image processor of a model, and how its decoder speaks."""

    image_processor: Any
    speech: Speech


def load_captioner(
    folder: Path, image_size: int, instruction: str | None, device: torch.device
) -> Captioner:
    """Load a model, its tokenizer and its image processor, in float32 whatever it was saved in.

    Raises:
        InputError: a file is missing, damaged or of another model, the image processor makes
            pictures of another size, or an instruction is given.
    """
    from transformers import AutoTokenizer, VisionEncoderDecoderModel

    if instruction is not None:
        raise InputError(
            f"profile: captioner.instruction = {instruction!r}: a decoder beside an image encoder "
            "takes none; allowed: null (training.prompt is what its captions begin with)"
        )
    image_processor = load_image_processor(folder)
    model = load_model(VisionEncoderDecoderModel, folder, dtype=torch.float32)
    tokenizer = load_part(AutoTokenizer, folder, trust_remote_code=False)
    blank = PicturePixels(image_processor)(Image.new("RGB", (image_size, image_size)))
    side = getattr(model.config.encoder, "image_size", blank.shape[-1])
    for made in (blank.shape[-1], side if isinstance(side, int) else blank.shape[-1]):
        if made != image_size:
            raise InputError(
                f"profile: captioner.image_size = {image_size}: the base model takes images of "
                f"{made} pixels; set captioner.image_size to {made}"
            )
    start = model.config.decoder_start_token_id
    if start is None:
        start = model.generation_config.decoder_start_token_id
    if start is None:
        raise InputError(f"{folder / 'config.json'}: decoder_start_token_id is missing")
    end = end_token(model, tokenizer)
    speech = Speech(tokenizer, [int(start)], "", end, positions_of(model))
    return Captioner(
        model.to(device), tokenizer, device, image_size, Parts(image_processor, speech)
    )


def save_captioner(captioner: Captioner, folder: Path) -> None:
    """Save model, tokenizer and image processor in the hub's layout."""
    captioner.model.save_pretrained(folder)
    captioner.tokenizer.save_pretrained(folder)
    captioner.processor.image_processor.save_pretrained(folder)


def image_transform(captioner: Captioner) -> Callable[[Image.Image], torch.Tensor]:
    """The image processor's normalisation."""
    return PicturePixels(captioner.processor.image_processor)


def caption_tokens(
    captioner: Captioner, captions: Sequence[str], *, prompt: str, max_tokens: int
) -> CaptionTokens:
    """Tokens of ``prompt`` and caption."""
    speech: Speech = captioner.processor.speech
    return speech.tokens(captions, prompt=prompt, max_tokens=max_tokens)


def next_token_logits(
    captioner: Captioner, pixels: torch.Tensor, tokens: CaptionTokens
) -> torch.Tensor:
    """Logits of every next token of the captions, (captions, T, vocabulary)."""
    return _decoder_logits(captioner, _states(captioner, pixels), tokens)


def shared_image_logits(
    captioner: Captioner, pixels: torch.Tensor, image_index: torch.Tensor, tokens: CaptionTokens
) -> torch.Tensor:
    """The same of captions that share images, each of which is encoded once."""
    return _decoder_logits(captioner, _states(captioner, pixels)[image_index], tokens)


def check_lengths(
    captioner: Captioner, prompt: str, evaluation: Evaluation, beam_length: BeamLength
) -> None:
    """Refuse lengths that the model cannot generate, and rules of length that it has not."""
    captioner.processor.speech.check_lengths(prompt, evaluation, beam_length)


def beam_captions(
    captioner: Captioner,
    pixels: torch.Tensor,
    *,
    prompt: str,
    evaluation: Evaluation,
    beam_length: BeamLength,
) -> list[str]:
    """One caption per image, without the prompt."""
    speech: Speech = captioner.processor.speech
    given = torch.tensor([[*speech.opening, *speech.prompt_ids(prompt)]] * len(pixels))
    given = given.to(captioner.device)
    ids = captioner.model.generate(
        pixel_values=pixels, decoder_input_ids=given, **speech.lengths(prompt, evaluation)
    )
    return speech.texts(ids, given)


def _states(captioner: Captioner, pixels: torch.Tensor) -> torch.Tensor:
    """The encoder's, (images, positions, hidden size)."""
    states: torch.Tensor = captioner.model.encoder(pixel_values=pixels).last_hidden_state
    return states


def _decoder_logits(
    captioner: Captioner, states: torch.Tensor, tokens: CaptionTokens
) -> torch.Tensor:
    length = tokens.targets.shape[1]
    logits: torch.Tensor = captioner.model(
        encoder_outputs=(states,),
        decoder_input_ids=tokens.inputs,
        decoder_attention_mask=tokens.mask,
        use_cache=False,
    ).logits
    return logits[:, -length:]

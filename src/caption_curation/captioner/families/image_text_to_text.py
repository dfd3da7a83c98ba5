"""Whatever transformers loads as ``AutoModelForImageTextToText`` with an ``AutoProcessor``.

GIT, BLIP-2, PaliGemma, Florence-2, SmolVLM, Qwen-VL and others. A model is asked with the picture
what ``captioner.instruction`` says, in its chat template if it has one; its answer begins with
``training.prompt``. The loss is computed from logits on the tokens of the caption and the end token
alone, never on the image's places, the question, the prompt or padding.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
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
from caption_curation.captioner.families.parts.encoding_once import encoded_once
from caption_curation.captioner.families.parts.processors import load_processor
from caption_curation.captioner.model.captioner import Captioner, CaptionTokens
from caption_curation.config.experiment import Evaluation
from caption_curation.config.profile import BeamLength
from caption_curation.model_loading import load_model
from caption_curation.support.errors import InputError

DROPOUT_IN_FUNCTIONS = True
TEXT = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids")
NO_INPUTS = (*TEXT, "labels")  # of what a processor gives, that are not a picture's
SAID = "§"  # stands for an answer, to see how a chat template puts it

Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Question:
    """What a model is asked with every picture.

    Attributes:
        processor: makes inputs of pictures and text.
        text: of the question, with the image's place where the processor wants it.
        opening: the question's inputs, (1, tokens) each.
        images: the names of a picture's inputs.
        speech: how the answer is given.
    """

    processor: Any
    text: str
    opening: Tensors
    images: tuple[str, ...]
    speech: Speech


@dataclass(frozen=True)
class PictureInputs:
    """A function from pictures to a model's inputs that can be pickled."""

    processor: Any
    text: str
    images: tuple[str, ...]

    def __call__(self, image: Image.Image) -> dict[str, torch.Tensor]:
        """The inputs of one picture, by name."""
        inputs = self.processor(images=[image], text=[self.text], return_tensors="pt")
        return {name: inputs[name] for name in self.images}


def load_captioner(
    folder: Path, image_size: int, instruction: str | None, device: torch.device
) -> Captioner:
    """Load a model and its processor, in float32 whatever it was saved in.

    Raises:
        InputError: a file is missing, damaged or of another model, the processor needs what is not
            installed, it makes pictures of another size, or the instruction has an image of its
            own.
    """
    from transformers import AutoModelForImageTextToText

    processor = load_processor(folder)
    model = load_model(AutoModelForImageTextToText, folder, dtype=torch.float32)
    question = _question(model, processor, instruction, image_size)
    return Captioner(
        model.to(device), processor.tokenizer, device, image_size, question, instruction
    )


def save_captioner(captioner: Captioner, folder: Path) -> None:
    """Save model and processor in the hub's layout."""
    captioner.model.save_pretrained(folder)
    captioner.processor.processor.save_pretrained(folder)


def image_transform(captioner: Captioner) -> Callable[[Image.Image], dict[str, torch.Tensor]]:
    """The processor's inputs of a picture, by name."""
    question: Question = captioner.processor
    return PictureInputs(question.processor, question.text, question.images)


def caption_tokens(
    captioner: Captioner, captions: Sequence[str], *, prompt: str, max_tokens: int
) -> CaptionTokens:
    """Tokens of question, ``prompt`` and caption."""
    speech: Speech = captioner.processor.speech
    return speech.tokens(captions, prompt=prompt, max_tokens=max_tokens)


def next_token_logits(captioner: Captioner, pixels: Tensors, tokens: CaptionTokens) -> torch.Tensor:
    """Logits of every next token of the captions, (captions, T, vocabulary)."""
    model, question = captioner.model, captioner.processor
    known = inspect.signature(model.forward).parameters
    length = tokens.targets.shape[1]
    inputs = _pictures(pixels)
    if model.config.is_encoder_decoder:
        inputs |= _repeated(question.opening, len(tokens.inputs), captioner.device)
        inputs |= {"decoder_input_ids": tokens.inputs, "decoder_attention_mask": tokens.mask}
    else:
        inputs |= _types(model, question.opening, tokens)
        inputs |= {"input_ids": tokens.inputs, "attention_mask": tokens.mask}
    inputs = {name: value for name, value in inputs.items() if name in known}
    kept = {"logits_to_keep": length} if "logits_to_keep" in known else {}
    logits: torch.Tensor = model(**inputs, **kept, use_cache=False).logits[:, -length:]
    return logits


def shared_image_logits(
    captioner: Captioner, pixels: Tensors, image_index: torch.Tensor, tokens: CaptionTokens
) -> torch.Tensor:
    """The same of captions that share pictures, each of which is encoded once if it can be."""
    own = {name: value[image_index] for name, value in pixels.items()}
    with encoded_once(captioner.model, image_index):
        return next_token_logits(captioner, own, tokens)


def check_lengths(
    captioner: Captioner, prompt: str, evaluation: Evaluation, beam_length: BeamLength
) -> None:
    """Refuse lengths that the model cannot generate, and rules of length that it has not."""
    captioner.processor.speech.check_lengths(prompt, evaluation, beam_length)


def beam_captions(
    captioner: Captioner,
    pixels: Tensors,
    *,
    prompt: str,
    evaluation: Evaluation,
    beam_length: BeamLength,
) -> list[str]:
    """One caption per picture, without the prompt."""
    model, question = captioner.model, captioner.processor
    speech: Speech = question.speech
    count = len(next(iter(pixels.values())))
    given = torch.tensor([[*speech.opening, *speech.prompt_ids(prompt)]] * count)
    given = given.to(captioner.device)
    tokens = CaptionTokens(given, torch.ones_like(given), given)
    inputs = _pictures(pixels)
    if model.config.is_encoder_decoder:
        inputs |= _repeated(question.opening, count, captioner.device)
        inputs["decoder_input_ids"] = given
    else:
        inputs |= _types(model, question.opening, tokens)
        inputs |= {"input_ids": given, "attention_mask": tokens.mask}
    ids = model.generate(**inputs, **speech.lengths(prompt, evaluation))
    return speech.texts(ids, given)


def _pictures(pixels: Tensors) -> dict[str, torch.Tensor]:
    """The pictures' inputs as the model takes those of several: one after the other."""
    return {name: value.flatten(0, 1) for name, value in pixels.items()}


def _repeated(opening: Tensors, count: int, device: torch.device) -> dict[str, torch.Tensor]:
    return {name: value.expand(count, -1).to(device) for name, value in opening.items()}


def _types(model: Any, opening: Tensors, tokens: CaptionTokens) -> dict[str, torch.Tensor]:
    """What kind each token is of, where the model asks for it: an answer's as the question's last.

    PaliGemma's answers are of another kind, 1, which does not look ahead.
    """
    found = {}
    for name in ("token_type_ids", "mm_token_type_ids"):
        if name in opening:
            value = opening[name].to(tokens.inputs.device)
            said = value[:, -1:]
            if name == "token_type_ids" and model.config.model_type == "paligemma":
                said = torch.ones_like(said)
            rest = tokens.inputs.shape[1] - value.shape[1]
            found[name] = torch.cat([value, said.expand(1, rest)], 1).expand(len(tokens.inputs), -1)
    return found


def _question(model: Any, processor: Any, instruction: str | None, image_size: int) -> Question:
    text, separator = _asked(processor, instruction)
    blank = Image.new("RGB", (image_size, image_size), (127, 127, 127))
    text, inputs = _with_place(model, processor, text, blank)
    _refuse_other_size(processor, inputs, image_size)
    known = inspect.signature(model.forward).parameters
    images = tuple(sorted(name for name in inputs if name in known and name not in NO_INPUTS))
    opening = {name: inputs[name] for name in TEXT if name in inputs and name in known}
    end = end_token(model, processor.tokenizer)
    if model.config.is_encoder_decoder:
        first = _decoder_start(model, processor.tokenizer)
    else:
        ends = {end, processor.tokenizer.sep_token_id, processor.tokenizer.eos_token_id}
        length = inputs["input_ids"].shape[1]
        # A tokenizer such as BERT's closes what it reads; an answer has to follow.
        if length > 1 and int(inputs["input_ids"][0, -1]) in ends:
            length -= 1
        opening = {name: value[:, :length] for name, value in opening.items()}
        first = opening["input_ids"][0].tolist()
    speech = Speech(processor.tokenizer, first, separator, end, positions_of(model))
    return Question(processor, text, opening, images, speech)


def _asked(processor: Any, instruction: str | None) -> tuple[str, str]:
    """The text of the question, and what a chat template puts between it and the answer."""
    place = getattr(processor, "image_token", None)
    place = getattr(place, "content", place)
    if instruction and isinstance(place, str) and place in instruction:
        raise InputError(
            f"profile: captioner.instruction = {instruction!r}: the picture's place {place} is put "
            "there by the model's processor; a caption has one picture"
        )
    has_template = getattr(processor, "chat_template", None) or getattr(
        processor.tokenizer, "chat_template", None
    )
    if not has_template:
        return instruction or "", ""
    content = [{"type": "image"}]
    if instruction:
        content.append({"type": "text", "text": instruction})
    asked = [{"role": "user", "content": content}]
    answer = {"role": "assistant", "content": [{"type": "text", "text": SAID}]}
    text: str = processor.apply_chat_template(asked, add_generation_prompt=True)
    whole: str = processor.apply_chat_template([*asked, answer])
    if whole.startswith(text) and SAID in whole:
        return text, whole[len(text) : whole.index(SAID)]
    return text, ""


def _with_place(
    model: Any, processor: Any, text: str, blank: Image.Image
) -> tuple[str, dict[str, torch.Tensor]]:
    """The text with a place for one image, if the model needs one, and its inputs."""
    place = getattr(processor, "image_token", None)
    place = getattr(place, "content", place)
    texts = [text] if place is None or place in text else [text, place + text]
    needed = getattr(model.config, "image_token_id", None)
    if needed is None:
        needed = getattr(model.config, "image_token_index", None)
    reason: Exception | None = None
    found: list[tuple[str, dict[str, torch.Tensor]]] = []
    for each in texts:
        try:
            inputs = dict(processor(images=[blank], text=[each], return_tensors="pt"))
        except (ValueError, IndexError, KeyError, StopIteration) as error:
            reason = error
            continue
        if needed is None or bool((inputs["input_ids"] == needed).any()):
            found.append((each, inputs))
    if len(found) == 2 and torch.equal(found[0][1]["input_ids"], found[1][1]["input_ids"]):
        return found[1]  # PaliGemma's processor warns where it has to put the place itself
    if found:
        return found[0]
    why = f" ({reason})" if reason else ""
    raise InputError(
        f"profile: captioner: the processor {type(processor).__name__} makes no input of a picture "
        f"of {blank.width} pixels and the text {texts[-1]!r}{why}"
    )


def _refuse_other_size(processor: Any, inputs: Tensors, image_size: int) -> None:
    """Refuse a size that the processor changes: pictures would be resized twice."""
    pixels = inputs.get("pixel_values")
    side = image_size
    if "image_grid_thw" in inputs:
        side = int(inputs["image_grid_thw"][0, 1]) * int(processor.image_processor.patch_size)
    elif pixels is not None and pixels.ndim == 4:
        side = int(pixels.shape[-1])
    if side != image_size:
        raise InputError(
            f"profile: captioner.image_size = {image_size}: the model's processor makes pictures "
            f"of {side} pixels; set captioner.image_size to {side}"
        )


def _decoder_start(model: Any, tokenizer: Any) -> list[int]:
    """What a decoder's text begins with: its start token, and one that is forced to follow it."""
    config = model.config.get_text_config(decoder=True)
    settings = model.generation_config
    start = settings.decoder_start_token_id
    if start is None:
        start = getattr(config, "decoder_start_token_id", None)
    if start is None:
        start = config.bos_token_id
    if start is None:
        raise InputError(
            f"{type(model).__name__}: its configuration names no decoder_start_token_id"
        )
    forced = settings.forced_bos_token_id
    if forced is None:
        forced = getattr(config, "forced_bos_token_id", None)
    return [int(start)] if forced is None else [int(start), int(forced)]

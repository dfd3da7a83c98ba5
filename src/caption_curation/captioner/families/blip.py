"""BLIP in the hub's file layout, and captions as its token ids.

The recipe is BLIP's own, which transformers' ``forward`` does not follow: the first token of the
decoder is the start token, and no loss is counted on the prompt and on padding
(salesforce/BLIP, models/blip.py, ``BLIP_Decoder.forward``).

Beam search chooses the hypothesis with the highest log probability per token, and there are two
rules of which tokens count (``captioner.beam_length``). With n tokens of a caption after BLIP's
prompt:

- ``caption``, transformers' rule of today: n + 1, all that is generated, the end token included; n
  for a caption that is cut at the greatest length.
- ``caption_and_prompt``, the rule of transformers 4.15, which BLIP was published with: n + 4, the
  start token and the three of the prompt included, the end token not. Longer captions gain less.

The second is had from transformers' beam search too. It counts all tokens but those that it is
given, so it is given the start token alone, and the prompt's tokens are forced: certain, they add
nothing to a log probability. A caption at the greatest length goes one token further, to a forced
end token. Both need the public interface only, and cost four steps of the decoder. One thing of
4.15 is not restored: it searches on while the best candidate of a step, be it one that has just
ended, is better than the worst finished hypothesis, where transformers now compares unfinished
candidates only, and may stop earlier. None of 400 captions by the demo's captioners differs for it,
and one of 960 by models with random weights.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import LogitsProcessor, LogitsProcessorList

from caption_curation.captioner.model.captioner import IGNORED, Captioner, CaptionTokens
from caption_curation.captioner.model.transforms import to_tensor
from caption_curation.config.experiment import Evaluation
from caption_curation.config.profile import BeamLength
from caption_curation.model_loading import load_model, load_part
from caption_curation.support.errors import InputError

MAX_CAPTION_WORDS = 30  # max_words of BLIP's training sets for COCO and Flickr30K


DROPOUT_IN_FUNCTIONS = False  # all of BLIP's is in modules


def load_captioner(
    folder: Path, image_size: int, instruction: str | None, device: torch.device
) -> Captioner:
    """Load a captioner that one of the stages saved, in float32 whatever it was saved in.

    Raises:
        InputError: a file is damaged or of another model (:mod:`~caption_curation.model_loading`),
            the model takes images of another size than the profile says, or an instruction is
            given.
    """
    from transformers import BertTokenizerFast, BlipForConditionalGeneration

    if instruction is not None:
        raise InputError(
            f"profile: captioner.instruction = {instruction!r}: a BLIP takes none; allowed: null "
            "(training.prompt is what its captions begin with)"
        )
    # Otherwise a base model published in half precision would be trained in it, where updates at
    # BLIP's learning rate are lost to rounding.
    model = load_model(BlipForConditionalGeneration, folder, dtype=torch.float32)
    own_size = int(model.config.vision_config.image_size)
    if own_size != image_size:
        raise InputError(
            f"profile: captioner.image_size = {image_size}: the base model takes images of "
            f"{own_size} pixels; set captioner.image_size to {own_size}"
        )
    return Captioner(model.to(device), load_part(BertTokenizerFast, folder), device, image_size)


def new_tokenizer(vocabulary: Mapping[str, int]) -> Any:
    """BERT's tokenizer (lower case), with BLIP's ``[DEC]`` as the token that captions begin with.

    Args:
        vocabulary: word pieces, special tokens included, and their ids.
    """
    from transformers import BertTokenizerFast

    return BertTokenizerFast(
        vocab=dict(vocabulary),
        do_lower_case=True,
        bos_token="[DEC]",
        additional_special_tokens=["[ENC]"],
    )


def new_config(
    tokenizer: Any, text: Mapping[str, Any], vision: Mapping[str, Any], **common: Any
) -> Any:
    """The configuration of a BLIP whose decoder generates the tokenizer's tokens.

    Args:
        tokenizer: with BLIP's special tokens.
        text: the decoder's settings, by their names in ``BlipTextConfig``.
        vision: the image encoder's, by their names in ``BlipVisionConfig``.
        common: further settings, by their names in ``BlipConfig``.
    """
    from transformers import BlipConfig, BlipTextConfig, BlipVisionConfig

    start, end, padding = tokenizer.convert_tokens_to_ids(["[DEC]", "[SEP]", "[PAD]"])
    decoder = BlipTextConfig(
        vocab_size=len(tokenizer),
        encoder_hidden_size=vision["hidden_size"],
        bos_token_id=start,
        eos_token_id=end,
        sep_token_id=end,
        pad_token_id=padding,
        is_decoder=True,
        **text,
    )
    encoder = BlipVisionConfig(**vision)
    return BlipConfig(text_config=decoder.to_dict(), vision_config=encoder.to_dict(), **common)


def save_captioner(captioner: Captioner, folder: Path) -> None:
    """Save a captioner in the hub's layout: weights, configuration, tokenizer, preprocessor."""
    from transformers import BlipImageProcessorPil

    captioner.model.save_pretrained(folder)
    captioner.tokenizer.save_pretrained(folder)
    size = {"height": captioner.image_size, "width": captioner.image_size}
    BlipImageProcessorPil(size=size).save_pretrained(folder)


def image_transform(captioner: Captioner) -> Callable[[Image.Image], torch.Tensor]:
    """BLIP's normalisation: pixels are (3, size, size)."""
    return to_tensor


def clean_caption(caption: str) -> str:
    """A caption as BLIP trains on it: lower case, no punctuation, at most 30 words.

    The rules of ``pre_caption`` in salesforce/BLIP, data/utils.py, as its training sets call it.
    """
    caption = re.sub(r"[.!\"()*#:;~]", " ", caption.lower())
    return " ".join(caption.split()[:MAX_CAPTION_WORDS])


def caption_tokens(
    captioner: Captioner, captions: Sequence[str], *, prompt: str, max_tokens: int
) -> CaptionTokens:
    """Tokens of ``prompt`` + caption, for training or scoring.

    Args:
        captioner: its tokenizer and special tokens are used.
        captions: raw captions; they are cleaned here.
        prompt: the text that every caption begins with, for instance "a picture of ".
        max_tokens: longer captions are cut, special tokens included.

    Raises:
        InputError: ``max_tokens`` leaves no room for a word, or exceeds the model's positions.
    """
    text_config = captioner.model.config.text_config
    minimum = prompt_length(captioner, prompt) + 2  # a word and the end token
    maximum = text_config.max_position_embeddings + 1  # the end token is not an input
    if not minimum <= max_tokens <= maximum:
        raise InputError(
            f"profile: captioner.fine_tuning.max_tokens = {max_tokens}: allowed: {minimum} (the "
            f"prompt {prompt!r}, a word and the end token) to {maximum} (what the model can read)"
        )
    encoded = captioner.tokenizer(
        [prompt + clean_caption(caption) for caption in captions],
        padding="longest",
        truncation=True,
        max_length=max_tokens,
        return_tensors="pt",
    )
    ids, mask = encoded.input_ids, encoded.attention_mask
    targets = ids.masked_fill(mask == 0, IGNORED)
    targets[:, : prompt_length(captioner, prompt)] = IGNORED
    ids[:, 0] = text_config.bos_token_id
    return CaptionTokens(ids[:, :-1], mask[:, :-1], targets[:, 1:])


def prompt_length(captioner: Captioner, prompt: str) -> int:
    """Number of tokens of the prompt, including the start token but no end token."""
    return len(captioner.tokenizer(prompt).input_ids) - 1


def encode_images(captioner: Captioner, pixels: torch.Tensor) -> torch.Tensor:
    """Image states for the decoder's cross-attention.

    Args:
        captioner: the model.
        pixels: (images, 3, size, size), normalised.

    Returns:
        (images, patches + 1, vision hidden size).
    """
    states: torch.Tensor = captioner.model.vision_model(pixels).last_hidden_state
    return states


def next_token_logits(
    captioner: Captioner, pixels: torch.Tensor, tokens: CaptionTokens
) -> torch.Tensor:
    """Logits of every next token.

    Args:
        captioner: the model.
        pixels: (captions, 3, size, size), normalised: each caption's image.
        tokens: of the captions.

    Returns:
        (captions, tokens, vocabulary), aligned with ``tokens.targets``.
    """
    return decoder_logits(captioner, encode_images(captioner, pixels), tokens)


def decoder_logits(
    captioner: Captioner, image_states: torch.Tensor, tokens: CaptionTokens
) -> torch.Tensor:
    """The same with each caption's image state, (captions, patches + 1, vision hidden size)."""
    logits: torch.Tensor = captioner.model.text_decoder(
        input_ids=tokens.inputs,
        attention_mask=tokens.mask,
        encoder_hidden_states=image_states,
        use_cache=False,
    ).logits
    return logits


def shared_image_logits(
    captioner: Captioner, pixels: torch.Tensor, image_index: torch.Tensor, tokens: CaptionTokens
) -> torch.Tensor:
    """Next-token logits of captions that share images.

    What depends on the image alone is computed once per image: its encoding, and the keys and
    values of the decoder's cross-attention, which cost more than the rest of the decoder: an image
    has hundreds of patches, a caption about ten tokens.

    Args:
        captioner: the model.
        pixels: (images, 3, size, size), normalised.
        image_index: int64 (captions,): the index of each caption's image in ``pixels``.
        tokens: of the captions.

    Returns:
        (captions, tokens, vocabulary), aligned with ``tokens.targets``.
    """
    states = encode_images(captioner, pixels)
    with _projected_once(captioner, states, image_index):
        # Cross-attention uses nothing but the shape of these.
        return decoder_logits(captioner, states[:1].expand(len(image_index), -1, -1), tokens)


@contextmanager
def _projected_once(
    captioner: Captioner, states: torch.Tensor, image_index: torch.Tensor
) -> Iterator[None]:
    """Let cross-attention project ``states`` once, and give each caption its image's projection."""

    def images(module: Any, arguments: Any) -> tuple[torch.Tensor]:
        return (states,)

    def captions(module: Any, arguments: Any, projected: torch.Tensor) -> torch.Tensor:
        return projected[image_index]

    hooks = []
    for layer in captioner.model.text_decoder.bert.encoder.layer:
        for projection in (layer.crossattention.self.key, layer.crossattention.self.value):
            hooks.append(projection.register_forward_pre_hook(images))
            hooks.append(projection.register_forward_hook(captions))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


class ForcedTokens(LogitsProcessor):  # type: ignore[misc]  # transformers is untyped
    """Makes tokens certain: their log probability is 0, and minus infinity that of all others.

    Args:
        tokens: by position; the start token is at 0.
    """

    def __init__(self, tokens: Mapping[int, int]) -> None:
        self._tokens = tokens

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """``scores``, or those of the forced token if one follows ``input_ids``."""
        token = self._tokens.get(input_ids.shape[1])
        if token is None:
            return scores
        forced = torch.full_like(scores, -math.inf)
        forced[:, token] = 0.0
        return forced


def check_lengths(
    captioner: Captioner, prompt: str, evaluation: Evaluation, beam_length: BeamLength
) -> None:
    """Refuse lengths that the model cannot generate.

    Raises:
        InputError: naming the lengths that it can.
    """
    shortest = prompt_length(captioner, prompt) + 1
    longest = captioner.model.config.text_config.max_position_embeddings
    if not shortest <= evaluation.max_length <= longest:
        raise InputError(
            f"params.yaml: evaluation.max_length = {evaluation.max_length}: allowed: {shortest} "
            f"(the prompt {prompt!r} and a word) to {longest} (what the model can read)"
        )


def beam_captions(
    captioner: Captioner,
    pixels: torch.Tensor,
    *,
    prompt: str,
    evaluation: Evaluation,
    beam_length: BeamLength,
) -> list[str]:
    """One caption per image, without the prompt; ``pixels`` are (images, 3, size, size)."""
    prompt_ids = captioner.tokenizer(prompt, return_tensors="pt").input_ids
    ids = captioner.model.generate(
        pixel_values=pixels,
        num_beams=evaluation.beams,
        min_length=evaluation.min_length,
        do_sample=False,
        **_by_length(captioner, prompt_ids, len(pixels), evaluation, beam_length),
    )
    texts = captioner.tokenizer.batch_decode(
        ids[:, prompt_ids.shape[1] - 1 :],
        skip_special_tokens=True,
        # "a man's", as people write it, from BERT's "a man ' s". BLIP's tokenizer did so by
        # default; the metrics' tokenizer would count three words instead of two.
        clean_up_tokenization_spaces=True,
    )
    return [text.strip() for text in texts]


def _by_length(
    captioner: Captioner,
    prompt_ids: torch.Tensor,
    images: int,
    evaluation: Evaluation,
    beam_length: BeamLength,
) -> dict[str, Any]:
    """The arguments of ``generate`` that make it count tokens by a rule."""
    if beam_length == "caption":
        # generate() writes its start token into the given ids, and drops the last one.
        return {
            "input_ids": prompt_ids.repeat(images, 1).to(captioner.device),
            "max_length": evaluation.max_length,
        }
    forced = dict(enumerate(prompt_ids[0, :-1].tolist()))
    forced[evaluation.max_length] = captioner.model.config.text_config.sep_token_id
    return {
        "max_length": evaluation.max_length + 1,
        "logits_processor": LogitsProcessorList([ForcedTokens(forced)]),
    }

"""BLIP in the hub's file layout, and captions as its token ids.

The recipe is BLIP's own, which transformers' ``forward`` does not follow: the first token of the
decoder is the start token, and no loss is counted on the prompt and on padding
(salesforce/BLIP, models/blip.py, ``BLIP_Decoder.forward``).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from caption_curation.captioner.model.captioner import IGNORED, Captioner, CaptionTokens
from caption_curation.model_loading import load_model, load_part
from caption_curation.support.errors import InputError

MAX_CAPTION_WORDS = 30  # max_words of BLIP's training sets for COCO and Flickr30K


def load_captioner(folder: Path, image_size: int, device: torch.device) -> Captioner:
    """Load a captioner that one of the stages saved, in float32 whatever it was saved in.

    Raises:
        InputError: a file is damaged or of another model (:mod:`~caption_curation.model_loading`),
            or the model takes images of another size than the profile says.
    """
    from transformers import BertTokenizerFast, BlipForConditionalGeneration

    # Otherwise a base model published in half precision would be trained in it, where updates at
    # BLIP's learning rate are lost to rounding.
    model = load_model(BlipForConditionalGeneration, folder, dtype=torch.float32)
    captioner = Captioner(model.to(device), load_part(BertTokenizerFast, folder), device)
    if captioner.image_size != image_size:
        raise InputError(
            f"profile: captioner.image_size = {image_size}: the base model takes images of "
            f"{captioner.image_size} pixels; set captioner.image_size to {captioner.image_size}"
        )
    return captioner


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
    captioner: Captioner, image_states: torch.Tensor, tokens: CaptionTokens
) -> torch.Tensor:
    """Logits of every next token.

    Args:
        captioner: the model.
        image_states: (captions, patches + 1, vision hidden size): each caption's image.
        tokens: of the captions.

    Returns:
        (captions, tokens, vocabulary), aligned with ``tokens.targets``.
    """
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
        return next_token_logits(captioner, states[:1].expand(len(image_index), -1, -1), tokens)


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

"""CLIP embeddings of images and texts: transformers' CLIP in the hub's layout, in fp32."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from caption_curation.compute.resuming import UnfinishedWork, map_batches
from caption_curation.model_loading import load_model, load_part
from caption_curation.pictures.reading import read_picture
from caption_curation.support.parts import arrays

BATCH = 64  # images or texts at once; it bounds memory, and changes results by rounding only

Embeddings = NDArray[np.float32]


@dataclass(frozen=True)
class Clip:
    """A CLIP model with its tokenizer and image processor, on a device."""

    model: Any
    tokenizer: Any
    image_processor: Any
    device: torch.device


def load_clip(folder: Path, device: torch.device) -> Clip:
    """Load a CLIP in the hub's layout; its weights become fp32, whatever type is stored.

    Raises:
        InputError: a file is damaged or of another model (:mod:`~caption_curation.model_loading`).
    """
    from transformers import CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

    model = load_model(CLIPModel, folder, dtype=torch.float32)
    return Clip(
        model.to(device),
        load_part(CLIPTokenizer, folder),
        load_part(CLIPImageProcessorPil, folder),
        device,
    )


@torch.inference_mode()
def encode_images(
    clip: Clip, files: Sequence[Path], title: str = "images", work: UnfinishedWork | None = None
) -> Embeddings:
    """CLIP embeddings of image files.

    Args:
        clip: the model.
        files: of the images.
        title: what they are; another one for every call with the same ``work``.
        work: where embeddings are saved meanwhile; ``None``: nowhere.

    Returns:
        fp32, of shape (files, dimensions), not normalised.
    """

    def encode(start: int) -> Any:
        images = [read_picture(file) for file in files[start : start + BATCH]]
        pixels = clip.image_processor(images, return_tensors="pt").pixel_values
        return clip.model.get_image_features(pixel_values=pixels.to(clip.device))

    return _encode(clip, len(files), title, encode, work)


@torch.inference_mode()
def encode_texts(
    clip: Clip, texts: Sequence[str], title: str = "captions", work: UnfinishedWork | None = None
) -> Embeddings:
    """CLIP embeddings of texts, each truncated to the model's context length (77 tokens).

    Equal texts are encoded once.

    Args:
        clip: the model.
        texts: in any order.
        title: what they are; another one for every call with the same ``work``.
        work: where embeddings are saved meanwhile; ``None``: nowhere.

    Returns:
        fp32, of shape (texts, dimensions), not normalised.
    """
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    unique = list(places)

    def encode(start: int) -> Any:
        tokens = text_tokens(clip.tokenizer, clip.model, unique[start : start + BATCH])
        return clip.model.get_text_features(
            input_ids=tokens.input_ids.to(clip.device),
            attention_mask=tokens.attention_mask.to(clip.device),
        )

    embeddings = _encode(clip, len(unique), title, encode, work)
    return embeddings[[places[text] for text in texts]]


def text_tokens(tokenizer: Any, model: Any, texts: Sequence[str]) -> Any:
    """Token ids and mask of texts, padded to the longest; a truncated text keeps its end token."""
    return tokenizer(
        list(texts),
        padding="longest",
        truncation=True,
        max_length=model.config.text_config.max_position_embeddings,
        return_tensors="pt",
    )


def _encode(
    clip: Clip,
    count: int,
    title: str,
    encode: Callable[[int], Any],
    work: UnfinishedWork | None,
) -> Embeddings:
    """The embeddings of all batches, concatenated."""

    def compute(batches: Sequence[int]) -> Iterator[Embeddings]:
        for batch in tqdm(batches, desc=f"encoding {title}", unit="batch", disable=None):
            yield encode(batch * BATCH).pooler_output.cpu().numpy()

    batches = math.ceil(count / BATCH)
    results = map_batches(batches, compute, title=title, form=arrays(), work=work)
    if not results:
        return np.zeros((0, clip.model.config.projection_dim), np.float32)
    return np.concatenate(results)

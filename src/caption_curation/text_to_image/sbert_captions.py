"""The caption of each image that best represents all of its captions (paper, section 3.3).

"Best" is measured by Sentence-BERT (Reimers and Gurevych, 2019): the caption whose embedding has
the largest cosine with the mean of the embeddings of all captions of the image.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caption_curation.config.profile import HubModel
from caption_curation.model_loading import load_sentence_encoder
from caption_curation.pretrained import is_demo_model, obtain_model
from caption_curation.samples import CaptionedImage

REQUIRED_FILES = ("modules.json", "config.json", "model.safetensors", "tokenizer.json|vocab.txt")
BATCH = 64  # captions encoded at a time
# If an image has two captions, both are equally close to their mean, whatever they say, and
# rounding must not choose between them. Differences in wording are thousands of times larger.
TIE = 1e-6


def closest_to_mean(embeddings: NDArray[np.floating[Any]]) -> int:
    """The index of the row with the largest cosine to the mean of all rows; the first of equals.

    Args:
        embeddings: of one image's captions, shape (captions, dimensions).
    """
    rows = embeddings.astype(np.float64)
    mean = rows.mean(axis=0)
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(mean)
    cosines = rows @ mean / np.maximum(lengths, np.finfo(np.float64).tiny)
    return int(np.flatnonzero(cosines >= cosines.max() - TIE)[0])


def sbert_captions(images: Sequence[CaptionedImage], encoder: Path) -> dict[str, str]:
    """The chosen caption of every image, by image id.

    Args:
        images: with at least one caption each.
        encoder: a Sentence-BERT model in the hub's layout.
    """
    # A caption shared by several images is encoded once, so that its embedding is the same for all.
    captions = list(dict.fromkeys(caption for image in images for caption in image.captions))
    row = {caption: index for index, caption in enumerate(captions)}
    embeddings = encode(captions, encoder)
    chosen = {}
    for image in images:
        rows = [row[caption] for caption in image.captions]
        chosen[image.image_id] = image.captions[closest_to_mean(embeddings[rows])]
    return chosen


def obtain_sentence_encoder(source: Path | HubModel) -> Path:
    """The folder of a Sentence-BERT, which is whole: it can be loaded.

    Raises:
        InputError: the model cannot be obtained, lacks parts, is damaged, or is something else.
    """
    folder = obtain_model(source, required=REQUIRED_FILES)
    if not is_demo_model(folder, REQUIRED_FILES):
        from caption_curation.compute.devices import prepare_device

        prepare_device()  # before the library is imported, which imports transformers
        load_sentence_encoder(folder, "cpu", known=False)
    return folder


def encode(captions: Sequence[str], encoder: Path) -> NDArray[np.float32]:
    """Embeddings of captions, shape (captions, dimensions), as the model gives them."""
    from caption_curation.compute.devices import prepare_device

    device = prepare_device()  # before the library is imported, which imports transformers
    model = load_sentence_encoder(encoder, device, known=is_demo_model(encoder, REQUIRED_FILES))
    embeddings: NDArray[np.float32] = model.encode(
        list(captions), batch_size=BATCH, show_progress_bar=None, convert_to_numpy=True
    )
    return embeddings

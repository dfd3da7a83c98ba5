"""The prompts of the round trip's variants."""

from collections.abc import Mapping, Sequence
from typing import Literal

from caption_curation.round_trip.items import Item, drawn_position
from caption_curation.round_trip.variants import PromptKind
from caption_curation.samples import CaptionedImage
from caption_curation.text_to_image.prompts import image_prompt


def items_of(
    kind: PromptKind,
    images: Sequence[CaptionedImage],
    sbert_captions: Mapping[str, str],
    *,
    styler: str,
    joining: str,
    single: Literal["every", "random"],
) -> list[Item]:
    """What is drawn of every image, in the order of images and captions.

    Args:
        kind: of prompts.
        images: with their captions.
        sbert_captions: the caption that represents each image, by image id.
        styler: appended where the kind has one.
        joining: as for :func:`~caption_curation.text_to_image.prompts.image_prompt`.
        single: whether a prompt of one caption is made of ``every`` caption of the image, or of
            one, drawn at ``random`` with the image id as the seed.
    """
    items = []
    for image in images:
        for item_id, caption in _captions(kind, image, sbert_captions, single).items():
            prompt = image_prompt(
                image.captions,
                caption,
                mode="concat" if kind.mode == "concat" else "single",
                styler=styler if kind.styled else "",
                joining=joining,
            )
            items.append(Item(item_id, image.image_id, prompt))
    return items


def _captions(
    kind: PromptKind, image: CaptionedImage, sbert_captions: Mapping[str, str], single: str
) -> dict[str, str]:
    """The caption of every item of an image, by item id; prompts of all captions ignore it."""
    if kind.mode == "single" and single == "every":
        return {
            f"{image.image_id}#{position}": caption
            for position, caption in enumerate(image.captions)
        }
    if kind.mode == "sbert":
        return {image.image_id: sbert_captions[image.image_id]}
    position = drawn_position(image.image_id, len(image.captions)) if kind.mode == "single" else 0
    return {image.image_id: image.captions[position]}

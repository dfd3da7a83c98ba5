"""The prompts of the round trip's variants."""

from collections.abc import Mapping, Sequence

from caption_curation.round_trip.variants import PromptKind
from caption_curation.samples import CaptionedImage
from caption_curation.text_to_image.prompts import image_prompt


def prompts_of(
    kind: PromptKind,
    images: Sequence[CaptionedImage],
    sbert_captions: Mapping[str, str],
    styler: str,
    joining: str,
) -> dict[str, str]:
    """The prompt of every image, by image id; the single caption is the image's first."""
    return {
        image.image_id: image_prompt(
            image.captions,
            sbert_captions[image.image_id] if kind.mode == "sbert" else image.captions[0],
            mode="concat" if kind.mode == "concat" else "single",
            styler=styler if kind.styled else "",
            joining=joining,
        )
        for image in images
    }

"""From captions to tokens, in any language."""

from collections.abc import Sequence

from caption_curation.config.languages import ENGLISH
from caption_curation.metrics.coco.ptb_tokenizer import normalize_white_space, ptb_tokenize
from caption_curation.metrics.coco.unicode_words import unicode_words


def tokenize_captions(captions: Sequence[str], language: str) -> list[str]:
    """Lower-case and tokenize captions, and remove punctuation.

    Args:
        captions: any, in one language.
        language: its code of ISO 639-1; English has the COCO evaluation's tokenizer.

    Returns:
        For each caption, its tokens joined by spaces.

    Raises:
        JavaError: the tokenizer of English failed.
    """
    lines = [normalize_white_space(caption) for caption in captions]
    return ptb_tokenize(lines) if language == ENGLISH else unicode_words(lines, language)

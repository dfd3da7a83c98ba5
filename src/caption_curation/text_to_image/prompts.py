"""The text that a synthetic image is generated from (paper, section 3.3)."""

from collections.abc import Sequence


def image_prompt(captions: Sequence[str], caption: str, *, mode: str, styler: str) -> str:
    """The prompt for a synthetic image of a sample.

    Args:
        captions: all captions of the sample's image; used in mode ``concat`` only.
        caption: the sample's own caption; used in mode ``single`` only.
        mode: ``single``: the sample's caption; ``concat``: all captions, joined by ``". "``.
        styler: appended after ``", "`` unless it is empty; a text encoder that truncates
            the prompt (CLIP reads 77 tokens) loses this end of it first.

    Raises:
        ValueError: the mode is neither of the two.
    """
    if mode not in ("single", "concat"):
        raise ValueError(f"prompt mode {mode!r}; allowed: single, concat")
    chosen = [caption] if mode == "single" else captions
    sentences = [bare for text in chosen if (bare := text.strip().rstrip(". \t\r\n"))]
    content = ". ".join(sentences)
    return ", ".join(part for part in (content, styler) if part)

"""The text that a synthetic image is generated from (paper, section 3.3)."""

from collections.abc import Sequence

# What stands between the captions and the styler, by joining.
BEFORE_STYLER = {"verbatim": " ", "sentences": ", "}


def image_prompt(
    captions: Sequence[str], caption: str, *, mode: str, styler: str, joining: str
) -> str:
    """The prompt for a synthetic image of a sample.

    Args:
        captions: all captions of the sample's image; used in mode ``concat`` only.
        caption: the sample's own caption; used in mode ``single`` only.
        mode: ``single``: the sample's caption; ``concat``: all captions, joined by ``". "``.
        styler: appended unless it is empty; a text encoder that truncates the prompt (CLIP reads
            77 tokens) loses this end of it first.
        joining: ``verbatim``: captions as they are, whatever they end with, and the styler after
            a blank, as in all 1,014 prompts that the paper's authors released; ``sentences``:
            captions without their final full stops, and the styler after ``", "``.

    Raises:
        ValueError: the mode or the joining is neither of the two.
    """
    if mode not in ("single", "concat"):
        raise ValueError(f"prompt mode {mode!r}; allowed: single, concat")
    if joining not in BEFORE_STYLER:
        raise ValueError(f"prompt joining {joining!r}; allowed: {', '.join(BEFORE_STYLER)}")
    chosen = [caption] if mode == "single" else captions
    if joining == "sentences":
        chosen = [bare for text in chosen if (bare := text.strip().rstrip(". \t\r\n"))]
    content = ". ".join(chosen)
    return BEFORE_STYLER[joining].join(part for part in (content, styler) if part)

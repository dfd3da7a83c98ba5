"""White space in captions: a caption must stay on one line in every file it passes through."""

import unicodedata


def normalise_caption(text: str) -> tuple[str, bool]:
    """``text`` on one line with single spaces between words, and whether that changed it.

    Tokenizers that read one caption per line (Stanford's PTB tokenizer among them) also end a line
    at ``\\r``, ``\\v``, ``\\f``, U+0085, U+2028 and U+2029, and would assign every later caption
    to the wrong image.
    """
    printable = "".join(
        " " if unicodedata.category(character) in _BREAKING else character for character in text
    )
    normalised = " ".join(printable.split())
    return normalised, normalised != text


# Unicode categories: control characters, line separators, paragraph separators.
_BREAKING = frozenset({"Cc", "Zl", "Zp"})

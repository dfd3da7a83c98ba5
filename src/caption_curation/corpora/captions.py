"""White space in captions: one caption must stay one line in every file that it passes through."""

import unicodedata


def normalise_caption(text: str) -> tuple[str, bool]:
    """``text`` on one line with single blanks between words, and whether that changed it.

    Tokenizers that read one caption a line (Stanford's PTB tokenizer among them) also end a line
    at ``\\r``, ``\\v``, ``\\f``, U+0085, U+2028 and U+2029, and would count every later caption
    against the wrong image.
    """
    printable = "".join(
        " " if unicodedata.category(character) in _BREAKING else character for character in text
    )
    normalised = " ".join(printable.split())
    return normalised, normalised != text


# Unicode categories: control characters, line separators, paragraph separators.
_BREAKING = frozenset({"Cc", "Zl", "Zp"})

"""Captions as a corpus may have them: with a word, and on one line in every file they pass."""

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


def has_word(text: str) -> bool:
    """Whether there is a letter or a digit of any script: "..." and U+200B describe nothing."""
    return any(map(str.isalnum, text))


# Unicode categories: control characters, line separators, paragraph separators.
_BREAKING = frozenset({"Cc", "Zl", "Zp"})

"""The tokenizer of captions in other languages than English: Unicode's default word boundaries.

The boundaries are those of Unicode Standard Annex 29, as the package `regex` has them. They need no
dictionary: scripts that are written without blanks (Han, Hiragana, Thai, Lao, Khmer, Burmese) give
a token a character, with its vowel signs and tone marks.
"""

import unicodedata
from collections.abc import Sequence

from caption_curation.config.languages import ENGLISH

# Languages in which I is no i (Unicode's SpecialCasing.txt).
_DOTLESS = ("az", "tr")


def unicode_words(captions: Sequence[str], language: str) -> list[str]:
    """Lower-case and tokenize captions, and remove punctuation.

    Args:
        captions: of one language.
        language: its code of ISO 639-1.

    Returns:
        For each caption, its tokens joined by spaces. Those without a letter or digit are left out.
        Equivalent spellings of a character are one (normalization form C), and so are both
        apostrophes.
    """
    import regex

    boundary = regex.compile(r"\b", regex.WORD)  # without the flag, between \w and \W
    word = regex.compile(r"[\p{L}\p{N}]")
    return [
        " ".join(part for part in boundary.split(_lower(caption, language)) if word.search(part))
        for caption in captions
    ]


def lengths_in_words(captions: Sequence[str], language: str) -> list[int]:
    """How many words captions have, as the report's figures show it.

    Args:
        captions: of one language.
        language: its code of ISO 639-1. English captions are parted at blanks, as everywhere here
            where captions are long or short; others into :func:`unicode_words`, as blanks part no
            words in some of them.
    """
    if language == ENGLISH:
        return [len(caption.split()) for caption in captions]
    return [len(words.split()) for words in unicode_words(captions, language)]


def _lower(caption: str, language: str) -> str:
    text = unicodedata.normalize("NFC", caption).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    if language in _DOTLESS:
        text = text.replace("I", "ı").replace("İ", "i")
    return unicodedata.normalize("NFC", text.lower())

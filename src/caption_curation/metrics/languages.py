"""What the metrics can do in a language, and why they cannot do the rest.

Languages are codes of ISO 639-1. What cannot be computed in one has a reason, and no number.
"""

from caption_curation.config.languages import ENGLISH

# METEOR 1.5's languages that are matched by words and stems alone: all that they need is in its
# jar. By METEOR's own codes, for `-l`; its stemmer of Norwegian is one of Bokmål.
STEMMED = {
    **{code: code for code in ("da", "fi", "hu", "it", "nl", "no", "pt", "ro", "tr")},
    "nb": "no",
    "sv": "se",
}
# Those that are tuned with paraphrases too. Only English comes with its table of them; without the
# table, METEOR ends, and with other modules instead it is another measure.
_PARAPHRASED = {code: code for code in ("de", "es", "fr", "ru")} | {"cs": "cz"}

PTB = "PTB, as in the COCO caption evaluation"
UNICODE = "Unicode words (UAX #29)"


def tokenizer_name(language: str) -> str:
    """What captions are split into tokens by."""
    return PTB if language == ENGLISH else UNICODE


def without_meteor(language: str) -> str | None:
    """Why METEOR cannot score captions in a language; None if it can."""
    if language == ENGLISH or language in STEMMED:
        return None
    if language in _PARAPHRASED:
        table = f"paraphrase-{_PARAPHRASED[language]}.gz"
        return f"METEOR in {language} needs {table}, which pycocoevalcap does not bring"
    return f"METEOR 1.5 does not know {language}"


def without_spice(language: str) -> str | None:
    """Why SPICE cannot score captions in a language; None if it can."""
    return None if language == ENGLISH else f"SPICE parses English only; captions are in {language}"


def not_computed_in(language: str) -> dict[str, str]:
    """The metrics that have no number in a language, each with the reason."""
    clip = without_clip(language)
    reasons = {
        "meteor": without_meteor(language),
        "spice": without_spice(language),
        "clipscore": clip,
        "ref_clipscore": clip,
    }
    return {metric: reason for metric, reason in reasons.items() if reason}


def without_clip(language: str) -> str | None:
    """Why CLIPScore cannot score captions in a language; None if it can."""
    return None if language == ENGLISH else f"CLIP reads English only; captions are in {language}"

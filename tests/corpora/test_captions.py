"""Every caption is one line, for every tokenizer and file reader after this."""

import pytest

from caption_curation.corpora.captions import normalise_caption

BREAKS = ["\r", "\n", "\r\n", "\v", "\f", "\x85", "\u2028", "\u2029", "\t", "\0", "\x1c", "   "]


@pytest.mark.parametrize("character", BREAKS, ids=ascii)
def test_breaks_become_one_blank(character: str) -> None:
    assert normalise_caption(f"{character}a dog{character}{character}runs ") == ("a dog runs", True)
    assert len(normalise_caption(f"a{character}b")[0].splitlines()) == 1


@pytest.mark.parametrize("text", ["A dog runs .", "un café à Zürich", "日本 の 犬", ""])
def test_ordinary_captions_stay(text: str) -> None:
    assert normalise_caption(text) == (text, False)


def test_nothing_but_white_space_is_empty() -> None:
    assert normalise_caption(" \u2028\t\0 ") == ("", True)

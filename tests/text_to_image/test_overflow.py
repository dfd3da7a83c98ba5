"""Prompts that are longer than a text encoder can read, with the demo's tokenizer."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from caption_curation.config.experiment import Joining, Prompt
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.image_store import ImageRequest
from caption_curation.text_to_image.prompts import image_prompt
from caption_curation.text_to_image.synthesis.overflow import (
    TokenLimit,
    fit_requests,
    keep_styler,
    load_token_limit,
)
from tests.conftest import REPOSITORY

DEMO = REPOSITORY / "data" / "demo_models" / "generator"
STYLER = "national geographic, high quality photography, Canon EOS R3, Flickr"
TEXTS = [
    "",
    "a red ring",
    "A  Café — naïve ☃ 12345, don't\tit's!\n",
    "<|endoftext|> a bar",
    "unbelievableness " * 30,
]


def by_words(max_tokens: int) -> TokenLimit:
    """A limit with a token for each word, comma and full stop, and two for start and end."""
    return TokenLimit(
        lambda text: len(text.replace(",", " , ").replace(".", " . ").split()) + 2, max_tokens
    )


@pytest.fixture(scope="module")
def limit() -> TokenLimit:
    return load_token_limit(DEMO)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import CLIPTokenizer

    return CLIPTokenizer.from_pretrained(DEMO / "tokenizer")


def test_limit_counts_as_the_pipelines_tokenizer(limit: TokenLimit, tokenizer: Any) -> None:
    expected = [len(tokenizer(text, verbose=False).input_ids) for text in TEXTS]
    assert [limit.count_tokens(text) for text in TEXTS] == expected
    assert max(expected) > 77  # longer prompts are counted whole
    fits, cut = "picture " * 75, "picture " * 76  # and the tokens of start and end
    assert limit.fits(fits) and not limit.fits(cut)


def test_limit_of_a_model_without_tokenizer_json(
    limit: TokenLimit, tokenizer: Any, tmp_path: Path
) -> None:
    """Stable Diffusion 1.5 has vocab.json and merges.txt."""
    shutil.copytree(DEMO, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "tokenizer"
    (folder / "tokenizer.json").unlink()
    model = json.loads((DEMO / "tokenizer" / "tokenizer.json").read_text())["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    lines = ["#version: 0.2", *(" ".join(merge) for merge in model["merges"])]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    older = load_token_limit(tmp_path)
    assert [older.count_tokens(text) for text in TEXTS] == [
        limit.count_tokens(text) for text in TEXTS
    ]


@pytest.mark.parametrize("value", [None, 2, "77"])
def test_tokenizer_that_says_no_length_is_bad_input(tmp_path: Path, value: object) -> None:
    shutil.copytree(DEMO, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "tokenizer" / "tokenizer_config.json"
    file.write_text(json.dumps({"model_max_length": value}))
    with pytest.raises(InputError, match=r"tokenizer_config\.json: model_max_length"):
        load_token_limit(tmp_path)


def prompt_of(styler: str, joining: Joining = "sentences", overflow: str = "keep_styler") -> Prompt:
    values = {"mode": "concat", "joining": joining, "styler": styler, "overflow": overflow}
    return Prompt.model_validate(values)


def test_styler_is_kept_and_as_many_words_as_fit() -> None:
    text, prompt = "one two three. four five, photograph", prompt_of("photograph")
    # Five words, full stop, comma, start and end are nine tokens.
    assert keep_styler(text, prompt, by_words(9)) == "one two three. four, photograph"
    # The full stop would be the last token of what stays, and goes too.
    assert keep_styler(text, prompt, by_words(8)) == "one two three, photograph"
    assert keep_styler(text, prompt, by_words(7)) == "one two three, photograph"
    assert keep_styler(text, prompt, by_words(5)) == "one, photograph"


def test_captions_that_are_verbatim_keep_what_they_end_with() -> None:
    text, prompt = "A man .. Two dogs . photograph", prompt_of("photograph", "verbatim")
    assert keep_styler(text, prompt, by_words(9)) == "A man .. Two dogs photograph"
    assert keep_styler(text, prompt, by_words(8)) == "A man .. Two photograph"
    assert keep_styler(text, prompt, by_words(7)) == "A man .. photograph"
    assert keep_styler(text, prompt, by_words(6)) == "A man photograph"


@pytest.mark.parametrize("text", ["one two, photograph", "photograph"])
def test_styler_that_leaves_no_room_is_bad_input(text: str) -> None:
    with pytest.raises(InputError, match=r"prompt\.styler = 'photograph'.* 4 tokens"):
        keep_styler(text, prompt_of("photograph"), by_words(4))


@pytest.mark.parametrize(("joining", "between"), [("verbatim", " "), ("sentences", ", ")])
def test_kept_styler_is_read_whole(
    limit: TokenLimit, tokenizer: Any, joining: Joining, between: str
) -> None:
    content = "a red ring, unbelievably round . " * 20
    captions = [content.strip(), "a ring"]
    text = image_prompt(captions, "", mode="concat", styler=STYLER, joining=joining)
    kept = keep_styler(text, prompt_of(STYLER, joining), limit)
    assert kept.endswith(between + STYLER)
    read = tokenizer(kept, truncation=True, max_length=77).input_ids
    styler = tokenizer(between + STYLER).input_ids[1:]
    assert read[-len(styler) :] == styler
    assert text.startswith(kept.removesuffix(between + STYLER))
    longest_word = max(limit.count_tokens(word) - 2 for word in content.split())
    assert 77 - longest_word <= limit.count_tokens(kept) <= 77


@pytest.mark.parametrize("overflow", ["truncate", "keep_styler", "chunk"])
def test_what_fits_stays_as_it_is(limit: TokenLimit, overflow: str) -> None:
    prompt = prompt_of(STYLER, overflow=overflow)
    short, long = f"a red ring, {STYLER}", f"{'a red ring. ' * 40}, {STYLER}"
    requests = {"a": ImageRequest(short, 1), "b": ImageRequest(long, 2), "c": ImageRequest(long, 3)}
    fitted, too_long = fit_requests(requests, prompt, limit)
    assert too_long == 1  # of two different ones
    assert list(fitted) == ["a", "b", "c"]
    assert fitted["a"] == requests["a"]
    assert [request.seed for request in fitted.values()] == [1, 2, 3]
    assert (fitted["b"] == requests["b"]) is (overflow == "truncate")
    assert fitted["b"].in_windows is (overflow == "chunk")
    assert limit.fits(fitted["b"].prompt) is (overflow == "keep_styler")


def test_without_a_styler_there_is_none_to_keep(limit: TokenLimit) -> None:
    requests = {"a": ImageRequest("a red ring " * 40, 1)}
    assert fit_requests(requests, prompt_of(""), limit) == (requests, 1)

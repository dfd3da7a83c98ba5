"""An experiment in words: each parameter shows in the sentence, and nothing else does."""

from typing import Any

import pytest

from caption_curation.config.experiment import Prompt
from caption_curation.curation.scores import LOSS_UNITS, SCORES
from caption_curation.curation.settings import Curation
from caption_curation.reports.page.descriptions import describe_curation, describe_synthesis

DEFAULTS: dict[str, Any] = {
    "method": "replace_image",
    "schedule": "dynamic",
    "score": "loss_mean",
    "rule": "top_fraction",
    "ratio": 0.4,
    "std": 2.0,
    "pair_with": "keep",
}
START = "After every epoch but the last, "
HARDEST = "the 40 % of the training samples with the highest mean loss "
IMAGE = "are given a synthetic image, generated from all captions of the original image"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, f"{START}{HARDEST}{IMAGE}."),
        ({"method": "remove"}, f"{START}{HARDEST}are removed."),
        (
            {"method": "replace_caption", "score": "loss_sum", "ratio": 0.125},
            f"{START}the 12.5 % of the training samples with the highest summed loss are "
            "given another caption of their image.",
        ),
        (
            {"method": "remove", "rule": "mean_std", "std": 1.5},
            f"{START}the training samples whose mean loss is more than 1.5 standard "
            "deviations above the mean are removed.",
        ),
        (
            {"method": "remove", "score": "random"},
            f"{START}40 % of the training samples, chosen at random, are removed.",
        ),
        (
            {"method": "remove", "score": "random", "rule": "mean_std"},
            f"{START}as many training samples, chosen at random, as those whose mean loss is more "
            "than 2 standard deviations above the mean, are removed.",
        ),
        (
            {"schedule": "static", "rule": "mean_std"},
            f"Once, before training, 40 % of the training samples, chosen at random, {IMAGE}.",
        ),
        (
            {"schedule": "static"},
            f"Once, before training, 40 % of the training samples, chosen at random, {IMAGE}.",
        ),
        (
            {"schedule": "static", "score": "file"},
            "Once, before training, the 40 % of the training samples with the highest score from "
            f"a file {IMAGE}.",
        ),
        (
            {"method": "remove", "schedule": "static", "score": "file", "rule": "mean_std"},
            "Once, before training, the training samples whose score from a file is more than 2 "
            "standard deviations above the mean are removed.",
        ),
        (
            {"pair_with": "easiest"},
            f"{START}{HARDEST}{IMAGE}, and that of the original's captions which the captioner "
            "finds easiest.",
        ),
        (
            {"method": "none"},
            "The captioner is fine-tuned on the training set as it is; nothing is curated.",
        ),
    ],
)
def test_sentences(changes: dict[str, Any], sentence: str) -> None:
    assert describe_curation(Curation(**{**DEFAULTS, **changes}), "concat") == sentence


def test_the_prompt_is_made_of_one_caption_or_all() -> None:
    sentence = describe_curation(Curation(**DEFAULTS), "single")

    assert sentence.endswith("generated from their caption.")
    sentence = describe_curation(Curation(**DEFAULTS), "others")
    assert sentence.endswith("captions of the original image that are not the sample's own.")


def test_a_random_score_is_shown_with_the_loss_per_token() -> None:
    units = {name: LOSS_UNITS[score.loss] for name, score in SCORES.items()}

    assert units == {
        "loss_mean": "nats per token",
        "loss_sum": "nats per caption",
        "loss_sum_smoothed": "nats per caption",
        "random": "nats per token",
        "file": "nats per token",
    }


@pytest.mark.parametrize(
    ("overflow", "styler", "fate"),
    [
        ("truncate", "a photograph", "were cut."),
        ("keep_styler", "a photograph", "were cut before the styler."),
        ("keep_styler", "", "were cut."),
        ("chunk", "a photograph", "were read in windows."),
    ],
)
def test_long_prompts_are_told(overflow: str, styler: str, fate: str) -> None:
    prompt = Prompt.model_validate(
        {"mode": "concat", "joining": "verbatim", "styler": styler, "overflow": overflow}
    )
    counts = {"prompts": 1501, "too_long": 141, "most_tokens": 77, "redrawn": 0}
    sentence = f"141 of 1,501 prompts were longer than 77 tokens and {fate}"
    assert describe_synthesis(counts, prompt) == sentence
    assert describe_synthesis({**counts, "too_long": 0}, prompt) == ""
    assert "3 were black or not finite" in describe_synthesis({**counts, "redrawn": 3}, prompt)

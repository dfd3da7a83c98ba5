"""Scores and rules."""

from typing import Any

import numpy as np
import pytest

from caption_curation.curation.rules import Rounding, above_mean, number_chosen, top_fraction
from caption_curation.curation.selection import select, select_static
from caption_curation.curation.settings import Curation, CurationDetails
from caption_curation.samples import CaptionedImage, SampleLoss, samples_of

FLOOR = CurationDetails(rounding="floor", easier_captions=None)


def curation(**values: Any) -> Curation:
    defaults = {
        "method": "remove",
        "schedule": "dynamic",
        "score": "loss_mean",
        "rule": "top_fraction",
        "ratio": 0.5,
        "std": 1.0,
        "pair_with": "keep",
    }
    return Curation(**{**defaults, **values})


def test_scores_are_the_named_loss() -> None:
    losses = [SampleLoss("long#0", 20, 1.0, 20), SampleLoss("short#0", 9, 3.0, 3)]
    rng = np.random.default_rng(0)
    for score, values, chosen in (("loss_sum", [20, 9], [0]), ("loss_mean", [1, 3], [1])):
        scores, indices = select(losses, curation(score=score), FLOOR, rng)
        assert scores.tolist() == values
        assert indices == chosen


def test_random_scores_ignore_the_loss_and_nest_over_ratios() -> None:
    many = [SampleLoss(str(index), index, index, 1) for index in range(1000)]

    def chosen(ratio: float) -> set[int]:
        settings = curation(score="random", ratio=ratio)
        return set(select(many, settings, FLOOR, np.random.default_rng(3))[1])

    fifth, half = chosen(0.2), chosen(0.5)
    assert len(fifth) == 200
    assert fifth < half
    # A uniform choice among 0..999 has a mean of 499.5 and a standard error of about 9 (n = 500).
    assert abs(np.mean(list(half)) - 499.5) < 50


def test_the_random_control_of_an_outlier_rule_chooses_as_many() -> None:
    losses = [SampleLoss(str(index), 1, 1 + 8 * (index < 10), 1) for index in range(100)]
    by_loss, at_random = (
        select(losses, curation(rule="mean_std", score=score), FLOOR, np.random.default_rng(0))[1]
        for score in ("loss_mean", "random")
    )
    assert sorted(by_loss) == list(range(10))
    assert len(at_random) == 10
    assert set(at_random) != set(by_loss)


@pytest.mark.parametrize(
    ("ratio", "chosen"), [(0.25, [0]), (0.5, [0, 2]), (0.74, [0, 2]), (1.0, [0, 2, 3, 1])]
)
def test_top_fraction_is_hardest_first(ratio: float, chosen: list[int]) -> None:
    assert top_fraction(np.array([8.0, 2.0, 6.0, 4.0]), ratio, "floor") == chosen


@pytest.mark.parametrize("rounding", ["floor", "round"])
def test_top_fraction_counts_exactly(rounding: Rounding) -> None:
    scores = np.arange(100.0)
    for percent in range(1, 101):
        assert len(top_fraction(scores, percent / 100, rounding)) == percent


@pytest.mark.parametrize(
    ("ratio", "n", "below", "nearest"),
    [(0.4, 9, 3, 4), (0.4, 8, 3, 3), (0.5, 5, 2, 2), (0.5, 7, 3, 4), (0.01, 60, 0, 1)],
)
def test_a_ratio_is_rounded_as_asked(ratio: float, n: int, below: int, nearest: int) -> None:
    # As Python rounds, the half of 5 is 2 and that of 7 is 4: halves go to the even number.
    assert number_chosen(ratio, n, "floor") == below
    assert number_chosen(ratio, n, "round") == nearest
    losses = [SampleLoss(str(index), index, index, 1) for index in range(n)]
    for score in ("loss_mean", "random"):
        for rounding, expected in (("floor", below), ("round", nearest)):
            details = CurationDetails.model_validate(
                {"rounding": rounding, "easier_captions": None}
            )
            settings = curation(score=score, ratio=ratio)
            assert len(select(losses, settings, details, np.random.default_rng(0))[1]) == expected


def test_a_ratio_below_1_is_never_all() -> None:
    """Removing that many would leave nothing to train on."""
    assert number_chosen(0.99, 10, "round") == 9
    assert number_chosen(1.0, 10, "round") == 10


def test_ties_keep_the_input_order() -> None:
    assert top_fraction(np.ones(6), 0.5, "floor") == [0, 1, 2]


def test_mean_std_finds_outliers_only() -> None:
    scores = np.array([1.0] * 50 + [1.2] * 48 + [9.0, 7.0])
    assert above_mean(scores, 2.0) == [98, 99]
    assert above_mean(np.ones(10), 2.0) == []
    assert above_mean(np.array([]), 2.0) == []


def test_static_selection_takes_whole_captions_per_image() -> None:
    samples = samples_of(
        CaptionedImage(str(index), f"{index}.jpg", tuple("abcde")) for index in range(50)
    )
    chosen_before: set[str] = set()
    for ratio, per_image in [(0.2, 1), (0.4, 2), (0.6, 3), (0.8, 4)]:
        chosen = select_static(samples, ratio, np.random.default_rng(0))
        by_image = [sample.image_id for sample in chosen]
        assert all(by_image.count(str(index)) == per_image for index in range(50))
        names = {sample.sample_id for sample in chosen}
        assert chosen_before < names, "a higher ratio must reuse the images of a lower one"
        chosen_before = names


def test_static_half_is_a_fair_coin_per_sample() -> None:
    samples = samples_of(
        CaptionedImage(str(index), f"{index}.jpg", tuple("abcde")) for index in range(400)
    )
    chosen = select_static(samples, 0.5, np.random.default_rng(0))
    # 2000 fair coins: standard deviation 22.4
    assert abs(len(chosen) - 1000) < 90
    per_image = {sum(sample.image_id == str(index) for sample in chosen) for index in range(400)}
    assert {0, 5} <= per_image, "coins are independent: some image has none, some all five"

"""Bounds hold for what the real selection does with losses that nobody knew before."""

from typing import Any

import numpy as np
import pytest

from caption_curation.curation.rules import Rounding
from caption_curation.curation.selection import select
from caption_curation.curation.settings import Curation, CurationDetails
from caption_curation.experiments.planning.bounds import (
    Bounds,
    at_most,
    chosen_samples,
    exactly,
    remaining,
    training_samples,
)
from caption_curation.experiments.planning.forecast import State
from caption_curation.samples import SampleLoss

DEFAULTS = {
    "method": "replace_image",
    "schedule": "dynamic",
    "score": "loss_sum",
    "rule": "top_fraction",
    "ratio": 0.4,
    "std": 2.0,
    "pair_with": "keep",
}


def curation(**changes: Any) -> Curation:
    return Curation.model_validate(DEFAULTS | changes)


def details(rounding: Rounding = "floor") -> CurationDetails:
    return CurationDetails(rounding=rounding, easier_captions=None)


def chosen_of(values: Any, rule: Curation, rounding: Rounding = "floor") -> int:
    losses = [SampleLoss(str(i), float(v), float(v), 1) for i, v in enumerate(values)]
    return len(select(losses, rule, details(rounding), np.random.default_rng(0))[1])


@pytest.mark.parametrize("samples", [1, 7, 100, 1001])
@pytest.mark.parametrize("ratio", [0.001, 0.29, 0.4, 1.0])
@pytest.mark.parametrize("rounding", ["floor", "round"])
def test_the_highest_fraction_is_known_exactly(
    samples: int, ratio: float, rounding: Rounding
) -> None:
    rule = curation(ratio=ratio)
    values = np.random.default_rng(samples).exponential(size=samples)
    foretold = chosen_samples(rule, details(rounding), samples)
    assert foretold == exactly(chosen_of(values, rule, rounding))


@pytest.mark.parametrize("std", [0.0, 0.5, 1.0, 2.0])
def test_no_losses_exceed_the_bound_of_the_deviation_rule(std: float) -> None:
    rule, rng = curation(rule="mean_std", std=std), np.random.default_rng(0)
    shapes = [rng.normal(size=200), rng.exponential(size=200), rng.pareto(1, size=200)]
    # The worst case of Cantelli's inequality: two values, the share p of which is the higher one.
    shapes += [np.repeat([1.0, 0.0], [high, 200 - high]) for high in range(1, 200)]
    most = max(chosen_of(values, rule) for values in shapes)
    bound = chosen_samples(rule, details(), 200)
    assert bound.least == 0
    # No looser than the one sample that lies exactly at the threshold, which is not chosen.
    assert most <= bound.most <= most + 1


def test_nothing_is_chosen_without_curation_or_with_the_static_schedule() -> None:
    assert chosen_samples(curation(method="none"), details(), 100) == exactly(0)
    assert chosen_samples(curation(schedule="static"), details(), 100) == exactly(0)


def test_removal_shrinks_the_training_set() -> None:
    assert training_samples(curation(method="remove"), details(), 101, 3) == [
        exactly(101),
        exactly(61),
        exactly(37),
    ]
    by_deviation = curation(method="remove", rule="mean_std", std=2.0)
    assert training_samples(by_deviation, details(), 100, 3) == [
        exactly(100),
        Bounds(80, 100),
        Bounds(64, 100),
    ]
    assert (
        training_samples(curation(method="replace_caption"), details(), 100, 2)
        == [exactly(100)] * 2
    )
    static = curation(method="remove", schedule="static")
    assert training_samples(static, details(), 100, 2) == [at_most(100)] * 2


def test_what_remains_is_certain_only_where_inputs_are_known() -> None:
    states = [State.UP_TO_DATE, State.CACHED, State.RUNS, State.FOLLOWS, State.ABSENT]
    assert remaining([exactly(10)] * 5, states) == Bounds(10, 30)


def test_bounds_read_as_people_write_them() -> None:
    assert [
        str(bounds) for bounds in (exactly(0), exactly(1234), at_most(1234), Bounds(1, 1234))
    ] == [
        "0",
        "1,234",
        "at most 1,234",
        "1 to 1,234",
    ]

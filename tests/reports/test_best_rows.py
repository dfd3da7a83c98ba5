"""Which rows of a table have the best score in bold."""

from collections.abc import Mapping

from caption_curation.experiments.runs import Run
from caption_curation.reports.comparison.tables import best_variants, score_rows
from tests.experiments.records import run

# An easy seed 0 and a hard seed 1 for all methods.
NONE = {0: 2.9, 1: 2.4}


def best(**ciders: Mapping[int, float]) -> list[str]:
    """The methods with the best CIDEr, from CIDEr by seed."""
    runs: list[Run] = [
        run(seed, cider, method=method)
        for method, of in ciders.items()
        for seed, cider in of.items()
    ]
    return [variant.method for variant in best_variants(score_rows(runs, runs, {}))["cider"]]


def test_a_row_of_one_easy_seed_is_not_the_best() -> None:
    """Without the rule it would be: its mean of 2.87 is above 2.65."""
    assert best(none=NONE, remove={0: 2.87}, replace_caption={0: 2.8, 1: 2.4}) == ["none"]


def test_means_are_compared_over_the_seeds_that_all_rows_have() -> None:
    # Removing is better with seeds 0 and 1, but has no easy seed 2.
    of_three = NONE | {2: 3.5}
    assert best(none=of_three, remove={0: 3.0, 1: 2.5}) == ["remove"]
    assert best(none=of_three, remove={0: 2.8, 1: 2.4}) == ["none"]


def test_rows_without_a_common_seed_have_no_best() -> None:
    assert best(none=NONE, remove={2: 2.5, 3: 2.5}) == []
    assert best(none={0: 2.9}, remove={1: 2.5}) == []


def test_one_common_seed_of_several_makes_nothing_the_best() -> None:
    """The means that the table shows are of more than that seed."""
    assert best(none={0: 2.9, 1: 2.4}, remove={1: 2.5, 2: 2.4}) == []


def test_rows_of_one_seed_are_compared_with_each_other() -> None:
    assert best(none={0: 2.9}, remove={0: 3.0}) == ["remove"]


def test_nothing_is_the_best_of_one() -> None:
    assert best(none=NONE) == []
    assert best(none=NONE, remove={0: 2.87}) == []


def test_equal_means_are_both_the_best() -> None:
    assert best(none=NONE, remove=dict(reversed(NONE.items()))) == ["none", "remove"]


def test_a_row_without_a_metric_does_not_keep_others_from_it() -> None:
    runs = [
        *(run(seed, 2.0, scores={"spice": 0.2}) for seed in (0, 1)),
        *(run(seed, 2.0, method="remove", scores={"spice": 0.3}) for seed in (0, 1)),
        *(run(seed, 3.0, method="replace_caption", scores={"spice": None}) for seed in (2, 3)),
    ]
    found = best_variants(score_rows(runs, runs, {}))
    assert [variant.method for variant in found["spice"]] == ["remove"]
    assert found["cider"] == []

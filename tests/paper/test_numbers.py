"""The paper's numbers, checked by what must hold among them rather than by a second copy."""

from dataclasses import asdict

import pytest

from caption_curation.paper.numbers import (
    CurationResult,
    difference_to_baseline,
    figure_10,
    remarks,
    table_1,
    table_2,
)
from caption_curation.reports.page.labels import METRIC_LABELS
from tests.experiments.records import curation


def row(profile: str, method: str) -> CurationResult:
    [found] = [row for row in table_2() if (row.profile, row.method) == (profile, method)]
    return found


def test_table_2_has_the_same_rows_of_both_corpora() -> None:
    methods = ["none", "remove", "replace_caption", "replace_image"]
    expected = [(corpus, method) for corpus in ("flickr30k", "coco") for method in methods]
    assert [(row.profile, row.method) for row in table_2()] == expected
    assert all(list(row.scores) == list(table_2()[0].scores) for row in table_2())
    assert table_2()[0].scores.keys() <= METRIC_LABELS.keys()


@pytest.mark.parametrize("result", table_2(), ids=lambda row: f"{row.profile}-{row.method}")
def test_its_settings_are_values_of_parameters(result: CurationResult) -> None:
    if result.method == "none":
        assert (result.schedule, result.rule, result.amount) == (None, None, None)
        return
    key = "std" if result.rule == "mean_std" else "ratio"
    settings = {"method": result.method, "schedule": result.schedule, "rule": result.rule}
    curation(**settings, **{key: result.amount})


def test_the_sums_of_table_2_are_those_of_the_print() -> None:
    sums = {
        profile: [
            round(sum(row.scores[metric] for row in table_2() if row.profile == profile), 1)
            for metric in ("bleu_4", "meteor", "rouge_l", "cider", "spice")
        ]
        for profile in ("flickr30k", "coco")
    }
    assert sums == {
        "flickr30k": [153.1, 109.3, 229.4, 378.8, 82.9],
        "coco": [160.4, 123.6, 240.1, 530.3, 95.2],
    }


def test_what_the_paper_claims_of_its_improvements_and_where_its_table_differs() -> None:
    ciders = {
        (row.profile, row.method): difference_to_baseline(row)["cider"]
        for row in table_2()
        if row.method != "none"
    }
    flickr30k = [value for (profile, _), value in ciders.items() if profile == "flickr30k"]
    assert all(1 <= value <= 3 for value in flickr30k)
    assert ciders["coco", "remove"] == 0.5 and ciders["coco", "replace_image"] == 1.1
    assert difference_to_baseline(row("coco", "remove"))["spice"] == -0.2
    assert difference_to_baseline(row("coco", "remove"))["clipscore"] == 0
    assert difference_to_baseline(row("coco", "none")) == {}


def test_the_columns_of_table_1_are_those_of_the_baseline() -> None:
    upper_bound, *generated = table_1()
    baseline = row("flickr30k", "none").scores
    assert upper_bound.scores == {name: baseline[name] for name in ("bleu_4", "meteor", "rouge_l")}
    assert [result.generator for result in generated].count("SD 2.0") == 1
    best = max(generated, key=lambda result: result.scores["bleu_4"])
    assert (best.fine_tuned, best.prompt, best.styler) == (True, "concat", True)
    assert all(
        result.scores[metric] < upper_bound.scores[metric]
        for result in generated
        for metric in result.scores
    )


def test_figure_10_shows_losses_that_clipscore_does_not_tell_apart() -> None:
    high, low = figure_10()[:3], figure_10()[3:]
    assert min(example.loss for example in high) > 6 * max(example.loss for example in low)
    assert max(example.clipscore for example in low) > min(example.clipscore for example in high)
    assert sum(asdict(example)["loss"] for example in figure_10()) == pytest.approx(593.1)


def test_every_table_has_its_remarks() -> None:
    for part in ("table_1", "table_2", "figure_10"):
        assert remarks(part) and all(remark.endswith(".") for remark in remarks(part))

"""Counts, rows and histograms against hand counts, and the stage with the real scorers."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from caption_curation import paths
from caption_curation.coco_format import read_results
from caption_curation.edits import Edit
from caption_curation.evaluation.hard_samples import hard_sample_overlaps
from caption_curation.evaluation.numbers import (
    LossSummary,
    count_edits,
    curation_counts,
    epoch_rows,
    loss_histogram,
    summarize_losses,
    training_set_counts,
)
from caption_curation.metrics.resampling import read_image_statistics, resampled_scores
from caption_curation.reports.page.labels import METRIC_LABELS
from caption_curation.samples import CaptionedImage, Sample, SampleLoss, samples_of
from stages import evaluate
from tests.small_run import NO_SPICE, VAL, accepted, write_small_run


def losses(*values: float) -> list[SampleLoss]:
    return [SampleLoss(str(index), 3 * value, value, 3) for index, value in enumerate(values)]


def summary(*values: float) -> LossSummary:
    return summarize_losses(losses(*values), "loss_sum")


def summed(**values: float) -> list[SampleLoss]:
    return [SampleLoss(name, value, value / 3, 3) for name, value in values.items()]


def edit(sample_id: str, epoch: int, action: str) -> Edit:
    sample = Sample(sample_id, "a", "a.jpg", "a caption")
    after = None if action == "remove" else sample
    return accepted(action, sample, after, epoch, 1.0)


def test_counts_are_per_epoch_and_kind_with_the_sizes_before_and_at_the_end() -> None:
    edits = {
        1: [edit("1", 1, "remove"), edit("2", 1, "remove")],
        2: [edit("3", 2, "keep"), replace(edit("4", 2, "remove"), accepted=False)],
    }
    found = {epoch: count_edits(made) for epoch, made in edits.items()}

    counts = curation_counts(found, {0: 9, 1: 9, 2: 7, 3: 7})

    kinds = ("removed", "replaced_caption", "replaced_image", "kept", "rejected")
    nothing = dict.fromkeys(kinds, 0)
    assert counts == {
        "epoch_0": {"samples": 9, "chosen": 0, **nothing},
        "epoch_1": {"samples": 9, "chosen": 2, **nothing, "removed": 2},
        "epoch_2": {"samples": 7, "chosen": 2, **nothing, "kept": 1, "rejected": 1},
        "training_set": 7,
    }


def test_static_edits_count_under_epoch_0() -> None:
    counts = curation_counts({0: count_edits([edit("1", 0, "replace_image")])}, {0: 5, 1: 5})

    assert counts["epoch_0"]["replaced_image"] == counts["epoch_0"]["chosen"] == 1
    assert counts["training_set"] == 5


def test_rows_hold_the_scores_and_the_mean_and_median_loss() -> None:
    rows = epoch_rows(
        {2: {"cider": 0.7}, 1: {"cider": 0.5}}, {1: summary(1, 2, 6), 2: summary(1, 2)}
    )

    assert rows == [
        {"epoch": 1, "cider": 0.5, "mean_loss": 3.0, "median_loss": 2.0, "samples": 3},
        {"epoch": 2, "cider": 0.7, "mean_loss": 1.5, "median_loss": 1.5, "samples": 2},
    ]


def test_histogram_counts_every_sample_once_on_bins_shared_by_all_epochs() -> None:
    rows = loss_histogram({1: summary(0.0, 0.05, 0.17, 0.41), 2: summary(0.12)}, "loss_mean")

    assert [(row["epoch"], row["loss"], row["samples"]) for row in rows] == [
        (1, 0.05, 2),
        (1, 0.15, 1),
        (1, 0.25, 0),
        (1, 0.35, 0),
        (1, 0.45, 1),
        (2, 0.05, 0),
        (2, 0.15, 1),
        (2, 0.25, 0),
        (2, 0.35, 0),
        (2, 0.45, 0),
    ]
    assert [row["fraction"] for row in rows[:2]] == [0.5, 0.25]


def test_summed_losses_have_wider_bins() -> None:
    found = summarize_losses(summed(a=0.5, b=2.0, c=2.9), "loss_sum")
    rows = loss_histogram({1: found}, "loss_sum")

    assert [(row["loss"], row["samples"]) for row in rows] == [(0.5, 1), (1.5, 0), (2.5, 2)]


def test_the_hardest_are_first_and_equals_in_the_order_of_samples() -> None:
    found = summarize_losses(summed(a=2.0, b=3.0, c=2.0, d=9.0), "loss_sum")

    assert found.hardest_first == ["d", "b", "a", "c"]
    assert found.bins["loss_sum"] == Counter({2: 2, 3: 1, 9: 1})


def ranking(order: Sequence[int]) -> list[str]:
    return [str(name) for name in order]


def overlaps(rows: list[dict[str, float]], epoch: int, later: int) -> dict[float, float]:
    return {
        row["fraction"]: row["overlap"]
        for row in rows
        if (row["epoch"], row["later"]) == (epoch, later)
    }


def test_samples_that_stay_hard_overlap_and_others_do_not() -> None:
    ids = list(range(100))
    # After epoch 2 the same are hard in another order; after epoch 3 the easy ones are.
    rows = hard_sample_overlaps(
        {1: ranking(ids), 2: ranking([*ids[9::-1], *ids[10:]]), 3: ranking(ids[::-1])}
    )

    assert overlaps(rows, 1, 2) == {0.01: 0, 0.05: 0, 0.1: 1, 0.2: 1, 0.4: 1}
    assert set(overlaps(rows, 2, 3).values()) == set(overlaps(rows, 1, 3).values()) == {0}
    assert {row["chance"] for row in rows} == {0.01, 0.05, 0.1, 0.2, 0.4}


def test_removed_samples_are_not_compared() -> None:
    rows = hard_sample_overlaps(
        {1: ["gone", "a", "b", "c", "d", "e"], 2: ["b", "c", "d", "a", "e"]}
    )

    # Of five samples none is the hardest 1, 5 or 10 %; one is the hardest 20 %, two 40 %.
    assert [(row["fraction"], row["hardest"], row["overlap"]) for row in rows] == [
        (0.2, 1, 0.0),
        (0.4, 2, 0.5),
    ]
    assert {(row["samples"], row["chance"]) for row in rows} == {(5, 0.2), (5, 0.4)}


def test_one_epoch_has_nothing_to_compare() -> None:
    assert hard_sample_overlaps({1: ranking(range(100))}) == []


def test_a_new_image_is_one_more_and_a_caption_given_twice_one_fewer() -> None:
    images = [CaptionedImage("i", "i.jpg", ("x", "y", "z")), CaptionedImage("j", "j.jpg", ("x",))]
    first, second, third, other = samples_of(images)
    redrawn = [replace(sample, replicate=0, file="0.jpg") for sample in (first, second)]
    counts = [
        training_set_counts(samples)
        for samples in (
            samples_of(images),
            [replace(first, caption="y"), second, third, other],
            [redrawn[0], replace(second, replicate=1, file="1.jpg"), third],
            [*redrawn, third, other],
        )
    ]

    assert counts == [
        {"samples": 4, "images": 2, "captions": 4, "texts": 3},
        {"samples": 4, "images": 2, "captions": 3, "texts": 3},
        {"samples": 3, "images": 3, "captions": 3, "texts": 3},
        # Both captions show the same synthetic image.
        {"samples": 4, "images": 3, "captions": 4, "texts": 3},
    ]


def test_the_stage_writes_scores_counts_and_captions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small_run(tmp_path, method="remove", epochs=2)
    monkeypatch.chdir(tmp_path)
    leftover = paths.EVALUATION.with_name("evaluation.partial")
    leftover.mkdir()  # of a killed run
    evaluate.main()

    metrics = json.loads((paths.EVALUATION / "metrics.json").read_text())
    assert list(metrics) == [
        *("best_epoch", "val", "test", "not_computed", "curation", "training_sets")
    ]
    assert metrics["best_epoch"] == 2
    # BLEU-1 by hand: the words that a reference holds, of all words; no caption is shorter than
    # its closest reference.
    assert metrics["val"]["bleu_1"] == pytest.approx(6 / 6)
    assert metrics["test"]["bleu_1"] == pytest.approx(7 / 8)
    # Means over two images of what small_run wrote; validation is of the best epoch, the second.
    assert metrics["val"]["clipscore"] == pytest.approx((0.5 + 0.2) / 2)
    assert metrics["val"]["ref_clipscore"] == pytest.approx((0.6 + 0.4) / 2)
    assert (metrics["test"]["clipscore"], metrics["test"]["ref_clipscore"]) == (0.5, 0.75)
    assert metrics["val"]["spice"] is metrics["test"]["spice"] is None
    assert metrics["not_computed"] == {"spice": NO_SPICE}
    assert set(metrics["val"]) == set(metrics["test"]) == set(METRIC_LABELS)
    assert metrics["curation"]["epoch_1"]["removed"] == 3
    assert metrics["curation"]["training_set"] == 5
    assert metrics["training_sets"] == {
        "epoch_1": {"samples": 8, "images": 4, "captions": 8, "texts": 8},
        "epoch_2": {"samples": 5, "images": 3, "captions": 5, "texts": 5},
    }

    rows = json.loads((paths.EVALUATION / "epochs.json").read_text())
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {name: rows[1][name] for name in metrics["val"]} == metrics["val"]
    assert rows[0]["bleu_1"] == pytest.approx(4 / 6)
    histogram = json.loads((paths.EVALUATION / "losses.json").read_text())
    assert sum(row["samples"] for row in histogram) == 8 + 5
    of_sums = json.loads((paths.EVALUATION / "summed_losses.json").read_text())
    assert [row["loss"] for row in of_sums if row["samples"]] == [
        *(3.5, 4.5, 5.5, 8.5, 10.5, 11.5, 13.5),  # 1 + 4 · 0.6 = 3.4, … 1 + 4 · 3.0 = 13.0
        *(2.5, 3.5, 4.5),  # of what was not removed, 1 + half of the rest
    ]
    # Of the five samples that are left, d#1 is the hardest in both epochs.
    hard = json.loads((paths.EVALUATION / "hard_samples.json").read_text())
    assert [(row["fraction"], row["overlap"]) for row in hard] == [(0.2, 1.0), (0.4, 1.0)]

    captions = paths.EVALUATION / "captions"
    assert read_results(captions / "test.json") == read_results(paths.TEST_CAPTIONS)
    assert set(read_results(captions / "val_epoch_1.json")) == {image.image_id for image in VAL}
    assert sorted(file.name for file in captions.iterdir()) == [
        "test.json",
        "val_epoch_1.json",
        "val_epoch_2.json",
    ]
    assert not leftover.exists()


def test_the_scores_of_the_test_split_follow_from_those_of_its_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_small_run(tmp_path, method="remove", epochs=1)
    monkeypatch.chdir(tmp_path)
    evaluate.main()
    expected = json.loads((paths.EVALUATION / "metrics.json").read_text())["test"]
    images = read_image_statistics(paths.EVALUATION / "images.jsonl", "en")
    found = resampled_scores(images, np.ones((1, len(images.image_ids))))
    assert {name: scores[0] for name, scores in found.items()} == pytest.approx(
        {name: score for name, score in expected.items() if score is not None}, abs=1e-12
    )

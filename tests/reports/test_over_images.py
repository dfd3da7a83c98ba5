"""The paired bootstrap over test images: does its interval cover the truth, and find what is so?"""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from caption_curation.metrics.coco.scores import CaptionedSplit, score_splits
from caption_curation.metrics.resampling import ImageStatistics, read_image_statistics
from caption_curation.reports.comparison.over_images import interval_over_images, resample_runs
from caption_curation.reports.comparison.page import write_comparison
from caption_curation.reports.comparison.sections import Section
from caption_curation.reports.comparison.tables import score_rows
from caption_curation.reports.page.statistics import RESAMPLES, resample_counts
from caption_curation.samples import write_json_lines
from tests.experiments.records import run

WORDS = ("red", "dogs", "chase", "white", "cats", "over", "green", "hills", "near", "water")


def of_ciders(ciders: NDArray[np.float64]) -> ImageStatistics:
    """Images of which only CIDEr is known."""
    nothing = {"bleu": np.zeros((len(ciders), 10)), "meteor": np.zeros((len(ciders), 23))}
    ids = tuple(map(str, range(len(ciders))))
    return ImageStatistics(ids, {**nothing, "cider": ciders[:, None]})


def test_every_resample_has_as_many_images_and_all_have_their_turn() -> None:
    counts = resample_counts(50, np.random.default_rng(0))
    assert counts.shape == (RESAMPLES, 50)
    assert set(counts.sum(axis=1)) == {50.0}
    # Poisson's distribution in the limit: an image is in 1 - 1/e of all resamples.
    assert (counts > 0).mean() == pytest.approx(1 - (1 - 1 / 50) ** 50, abs=0.01)


def test_the_interval_covers_the_true_difference_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    true_difference, n, trials = 0.05, 150, 300
    covered, widths = 0, []
    for _ in range(trials):
        difficulty = rng.gamma(2.0, 0.5, n)  # shared by both runs, and skewed as CIDEr is
        gain = true_difference * rng.gamma(0.5, 2.0, n)  # most images gain nothing; mean as given
        none = run(0, 0, images=of_ciders(difficulty))
        other = run(0, 0, method="remove", images=of_ciders(difficulty + gain))
        resampled = resample_runs([none, other], rng)
        interval = interval_over_images([(resampled[other.name], resampled[none.name])], "cider")
        assert interval is not None
        covered += interval[0] <= true_difference <= interval[1]
        widths.append(interval[1] - interval[0])
    # Binomial: three standard deviations of 95 % in 300 trials are 3.8 %.
    assert 0.91 <= covered / trials <= 0.99
    # The difficulty of images, whose standard deviation is 0.71, does not widen it.
    assert max(widths) < 0.05


def test_a_difference_over_seeds_is_the_mean_of_pairs_on_the_same_images() -> None:
    rng = np.random.default_rng(2)
    none = [rng.random(80) for _ in range(2)]
    gains = [rng.normal(0.3, 1, 80), rng.normal(-0.1, 1, 80)]
    runs = [run(seed, ciders.mean(), images=of_ciders(ciders)) for seed, ciders in enumerate(none)]
    runs += [
        run(seed, (ciders + gain).mean(), method="remove", images=of_ciders(ciders + gain))
        for seed, (ciders, gain) in enumerate(zip(none, gains, strict=True))
    ]
    [_, row] = score_rows(runs, runs, resample_runs(runs, np.random.default_rng(3)))
    # What is drawn are images, so the interval is that of the mean gain of each image.
    mean_gain = np.mean(gains, axis=0)
    means = resample_counts(80, np.random.default_rng(3)) @ mean_gain / 80
    expected = tuple(np.quantile(means, (0.025, 0.975)))
    assert row.over_images["cider"] == pytest.approx(expected)
    assert expected[0] < row.to_none["cider"].mean < expected[1]


def test_of_two_captioners_the_better_one_is_found_by_every_metric(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    references = {
        str(image): [" ".join(rng.choice(WORDS, 7)) for _ in range(2)] for image in range(60)
    }

    def captions(wrong_words: float) -> dict[str, str]:
        return {
            image: " ".join(
                "nonsense" if rng.random() < wrong_words else word for word in group[0].split()
            )
            for image, group in references.items()
        }

    splits = [CaptionedSplit(captions(wrong), references) for wrong in (0.3, 0.3, 0.15)]
    runs = []
    for method, scores in zip(
        ("none", "remove", "replace_caption"), score_splits(splits), strict=True
    ):
        rows = [{"image_id": name, **of} for name, of in scores.images.items()]
        write_json_lines(tmp_path / "images.jsonl", rows)
        images = read_image_statistics(tmp_path / "images.jsonl", "en")
        runs.append(run(0, 0, method=method, scores=scores.corpus, images=images))
    _, same, better = score_rows(runs, runs, resample_runs(runs, np.random.default_rng(5)))
    assert better.over_images.keys() == better.to_none.keys() == runs[0].scores.keys()
    for metric, (low, high) in better.over_images.items():
        assert 0 < low < better.to_none[metric].mean < high, metric
    for metric, (low, high) in same.over_images.items():
        assert low < 0 < high, metric


def test_runs_that_cannot_be_resampled_together_have_no_interval() -> None:
    images = of_ciders(np.arange(10.0))
    none, other = run(0, 1, images=images), run(0, 1, method="remove", images=images)
    old, second = run(1, 1), run(1, 1, method="remove", images=images)
    runs = [none, old, other, second]
    _, row = score_rows(runs, runs, resample_runs(runs, np.random.default_rng(0)))
    assert row.to_none["cider"].seeds == 2 and not row.over_images

    elsewhere = run(0, 1, method="remove", images=of_ciders(np.arange(9.0)))
    resampled = resample_runs([none, elsewhere], np.random.default_rng(0))
    pair = (resampled[elsewhere.name], resampled[none.name])
    assert interval_over_images([pair], "cider") is None
    assert interval_over_images([], "cider") is None
    both = resample_runs([none, other], np.random.default_rng(0))
    assert interval_over_images([(both[other.name], both[none.name])], "spice") is None


def test_both_intervals_are_on_the_page_and_in_the_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    none = rng.random(100)
    gain = rng.normal(0.2, 0.1, 100)
    runs = [
        run(0, none.mean(), images=of_ciders(none)),
        run(0, (none + gain).mean(), method="remove", images=of_ciders(none + gain)),
        run(0, 1.0, method="replace_caption"),
    ]
    notes = write_comparison(
        tmp_path / "out",
        title="A",
        sections=[Section("all", "All", "", runs)],
        runs=runs,
        left_out=[],
        command="compare",
    )
    [unrecorded] = [note for note in notes if note.startswith("scores of single images")]
    assert "not recorded by replace_caption" in unrecorded

    page = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    shown = re.findall(r"\+(\d+\.\d) to \+(\d+\.\d) \(images\)", page)[0]
    with (tmp_path / "out/tables/scores.csv").open(newline="") as lines:
        rows = {row["method"]: row for row in csv.DictReader(lines) if row["metric"] == "cider"}
    names = [f"minus_none_over_images_ci95_{end}" for end in ("low", "high")]
    low, high = (float(rows["remove"][name]) for name in names)
    assert shown == (f"{100 * low:.1f}", f"{100 * high:.1f}")
    standard_error = gain.std() / 10
    assert (low, high) == pytest.approx(
        (gain.mean() - 1.96 * standard_error, gain.mean() + 1.96 * standard_error), abs=0.004
    )
    assert [rows["replace_caption"][name] for name in names] == ["", ""]
    latex = (tmp_path / "out/table.tex").read_text()
    assert f"$[+{shown[0]}, +{shown[1]}]$" in latex

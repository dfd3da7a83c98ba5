"""Scores computed from what is recorded of single images, against those of the whole set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from caption_curation.coco_format import read_candidates_and_references
from caption_curation.metrics.coco.scores import CaptionedSplit, SplitScores, score_splits
from caption_curation.metrics.resampling import (
    ImageStatistics,
    read_image_statistics,
    resampled_scores,
)
from caption_curation.samples import write_json_lines

# All kinds of METEOR's matches; captions that match as a whole; an empty one; one beyond all.
CANDIDATES = {
    "whole": "a dog runs",
    "stems": "dogs ran across the streets",
    "synonyms": "a big automobile stands by a rock",
    "order": "red wine the drinks woman",
    "empty": "",
    "nothing": "xylophones",
    "long": "a very very long line of people who wait in front of a small shop",
}
REFERENCES = {
    "whole": ["a dog runs", "the animal is running"],
    "stems": ["a dog is running across the street"],
    "synonyms": ["a large car is standing near a stone", "a car"],
    "order": ["the woman drinks red wine", "somebody drinks"],
    "empty": ["two cats"],
    "nothing": ["a boat at sea"],
    "long": ["people queue up before a shop", "a line of people outside of a little store"],
}


def statistics(
    folder: Path, scores: SplitScores, more: Mapping[str, Mapping[str, Any]]
) -> ImageStatistics:
    rows = [{"image_id": name, **of, **more.get(name, {})} for name, of in scores.images.items()]
    write_json_lines(folder / "images.jsonl", rows)
    return read_image_statistics(folder / "images.jsonl", "en")


def part(split: CaptionedSplit, ids: Sequence[str]) -> CaptionedSplit:
    return CaptionedSplit(
        {name: split.candidates[name] for name in ids},
        {name: split.references[name] for name in ids},
    )


def check(split: CaptionedSplit, ids: Sequence[str], folder: Path) -> None:
    """The scores of all images, and of a part of them, are those that pycocoevalcap gives."""
    whole, of_part = score_splits([split, part(split, ids)])
    found = statistics(folder, whole, {})
    chosen = [float(name in ids) for name in found.image_ids]
    counts = np.array([np.ones(len(chosen)), chosen])
    for metric, values in resampled_scores(found, counts).items():
        expected = [whole.corpus[metric], of_part.corpus[metric]]
        if metric == "cider":  # alone, a part would have n-gram weights of its own
            ciders = [whole.images[name]["cider"] for name in ids]
            expected[1] = sum(ciders) / len(ciders)
        assert values.tolist() == pytest.approx(expected, abs=1e-12), metric


def test_scores_of_all_images_and_of_some_are_those_of_the_coco_evaluation(tmp_path: Path) -> None:
    ids = ["whole", "synonyms", "order", "empty"]
    check(CaptionedSplit(CANDIDATES, REFERENCES), ids, tmp_path)


def test_scores_of_real_captions_are_those_of_the_coco_evaluation(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "caption_scores"
    files = sorted((folder / "references").iterdir())
    candidates, references = read_candidates_and_references(folder / "predictions.txt", files)
    check(CaptionedSplit(candidates, references), list(references)[::3], tmp_path)


def test_an_image_that_is_drawn_twice_counts_twice(tmp_path: Path) -> None:
    split = CaptionedSplit(CANDIDATES, REFERENCES)
    twice = {f"{name} again": name for name in ("stems", "long")}
    doubled = CaptionedSplit(
        CANDIDATES | {again: CANDIDATES[name] for again, name in twice.items()},
        REFERENCES | {again: REFERENCES[name] for again, name in twice.items()},
    )
    once, expected = score_splits([split, doubled])
    found = statistics(tmp_path, once, {})
    counts = np.array([[2.0 if name in twice.values() else 1.0 for name in found.image_ids]])
    scores = resampled_scores(found, counts)
    for metric in ("bleu_1", "bleu_4", "meteor", "rouge_l"):
        assert scores[metric][0] == pytest.approx(expected.corpus[metric], abs=1e-12)


def test_only_scores_that_were_computed_are_there(tmp_path: Path) -> None:
    [scores] = score_splits([CaptionedSplit({"a": "a dog", "b": "cats"}, {"a": ["x"], "b": ["y"]})])
    without = statistics(tmp_path, scores, {})
    assert "clipscore" not in resampled_scores(without, np.ones((1, 2)))
    more = {name: {"clipscore": value, "spice": 0.5} for name, value in (("a", 0.5), ("b", 1.5))}
    found = resampled_scores(statistics(tmp_path, scores, more), np.array([[1.0, 1.0], [0.0, 2.0]]))
    assert found["clipscore"].tolist() == [1.0, 1.5]
    assert found["spice"].tolist() == [0.5, 0.5]

"""The page about a corpus, by its stage, read back."""

import json
from pathlib import Path
from typing import Any

import pytest

from stages import corpus_report
from tests.corpora.duplicates.test_corpus_stage import corpus
from tests.corpora.test_corpus_stage import build, demo, for_generator, workspace
from tests.reports.test_report import Page


def report(root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Page, dict[str, Any]]:
    for section in ("data", "generator_data"):
        build(root, section)
    monkeypatch.chdir(root)
    corpus_report.main()
    folder = root / "reports/corpus"
    assert {file.name for file in folder.iterdir()} == {
        *("index.html", "corpus.json"),
        *("caption_lengths.svg", "caption_lengths.png"),
    }
    numbers: dict[str, Any] = json.loads((folder / "corpus.json").read_text())
    return Page((folder / "index.html").read_text()), numbers


def test_a_corpus_with_leaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = corpus(tmp_path, "warn", text="A <b>dog</b> & friends")
    page, numbers = report(root, monkeypatch)
    (caution,) = page.texts("div", role="note")
    assert caution.startswith("3 training images show pictures that are evaluated on, too")
    near, equal = page.texts("article")
    assert near.startswith("In train and evaluated · near copies, difference 0.")
    assert equal.startswith("In train and evaluated · equal pixels in different files")
    # Both splits of a pair stand side by side; what people wrote is text, not markup.
    assert [alt for alt in page.attributes("img", "alt") if "of train" in alt] == [
        *("Image 1 of train", "Image 0 of train", "Image 2 of train")
    ]
    assert page.texts("b") == ["train", "val", "train", "test", "train"]
    assert any("A <b>dog</b> & friends 0" in text for text in page.texts("figcaption"))
    captions = numbers["captions"]
    assert captions["train"] == {
        "images": 4,
        "captions": 12,
        "per_image": {"3": 4},
        "lengths": {"2": 8, "5": 4},
        # a, b, dog, b, friends and a number; "picture N"; "a picture"
        "words": 4 * (6 + 2 + 2),
        "vocabulary": 5 + 4,
        "once": 0,
        "unknown": None,
        "unknown_words": None,
    }
    assert (captions["test"]["unknown"], captions["test"]["unknown_words"]) == (2, 4)
    assert numbers["images"] == {
        "different": 1,
        "smallest": [120, 90],
        "median_width": 120,
        "median_height": 90,
        "largest": [120, 90],
        "formats": {"train": {"PNG": 4}, "val": {"PNG": 1}, "test": {"BMP": 1, "PNG": 1}},
    }
    assert numbers["generator_caption_lengths"] is None
    assert numbers["findings"]["leaks"]["images"]["train"] == 3


def test_dropped_images_are_still_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, numbers = report(corpus(tmp_path, "drop"), monkeypatch)
    assert "They were taken out of the training split" in page.texts("div", role="note")[0]
    assert len(page.texts("article")) == 2
    assert numbers["captions"]["train"]["images"] == 1


def test_a_corpus_beside_the_generators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"train": 12, "val": 0, "test": 0}
    own = for_generator(demo(seed=2, images=sizes))
    root = workspace(tmp_path / "work", data=demo(seed=4), generator_data=own)
    page, numbers = report(root, monkeypatch)
    assert sum(numbers["generator_caption_lengths"].values()) == 60
    svg = (root / "reports/corpus/caption_lengths.svg").read_text()
    assert "this corpus (150 captions)" in svg
    assert "the generator’s corpus (60 captions)" in svg
    assert any("as the paper’s figure 6" in text for text in page.texts("figcaption"))
    assert "Nothing had to be." in page.texts("p")

"""Planted duplicates through the corpus stage, and what becomes of those that leak."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from caption_curation.corpora.corpus import Corpus, Provenance
from caption_curation.corpora.duplicates.findings import find_duplicates, summary_of
from caption_curation.corpora.duplicates.look import Look
from caption_curation.samples import CaptionedImage, read_images, read_json_lines
from tests.conftest import set_inputs
from tests.corpora.duplicates.test_pictures import as_jpeg, photograph
from tests.corpora.test_corpus_stage import build, contents, run_stage, workspace

SAME = {"source": "same"}


def corpus(
    tmp_path: Path, on_leak: str, *, leaks: bool = True, train: int = 4, text: str = "Picture"
) -> Path:
    """Pictures: train 0 to 3, of which 2 is 0 again; val 4, near 1; test 5, equal to 0, and 6."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    pictures = [photograph(number) for number in range(7)]
    pictures[2] = pictures[0]
    if leaks:
        pictures[4] = as_jpeg(80)(pictures[1])
        pictures[5] = pictures[0]
    records = []
    for number, picture in enumerate(pictures):
        split = "train" if number < 4 else "val" if number == 4 else "test"
        if split == "train" and number >= train:
            continue
        # The same pixels in a file of other bytes.
        kind = "bmp" if number == 5 else "png"
        picture.save(folder / f"{number}.{kind}")
        captions = [f"{text} {number}.", f"picture {number}", "a picture"]
        records.append(
            {
                "filename": f"{number}.{kind}",
                "imgid": number,
                "split": split,
                "sentences": [{"raw": caption} for caption in captions],
            }
        )
    (folder / "dataset.json").write_text(json.dumps({"images": records}))
    data: dict[str, Any] = {
        "source": "karpathy",
        "annotations": "dataset.json",
        "revision": 0,
        "seed": 0,
        "train_fraction": 1.0,
        "on_leak": on_leak,
    }
    root = workspace(tmp_path / "work", data=data, generator_data=SAME)
    set_inputs(root, annotations=folder / "dataset.json", images=folder)
    return root


def listed(root: Path, file: str) -> list[str]:
    return [image.image_id for image in read_images(root / "data" / file)]


def summary(root: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((root / "data/corpus_findings/summary.json").read_text())
    return content


def test_planted_duplicates_are_written_down(tmp_path: Path) -> None:
    root = corpus(tmp_path, "warn")
    printed = build(root, "data")
    assert "3 training images show pictures of val or test (1 of val, 1 of test)" in printed
    assert listed(root, "corpus/train.jsonl") == ["0", "1", "2", "3"]
    records = read_json_lines(root / "data/corpus_findings/duplicates.jsonl")
    equal, near = [record for record in records if record["of"] == "images"]
    assert (equal["kind"], equal["leak"], equal["difference"]) == ("pixels", True, 0)
    assert equal["splits"] == {"train": 2, "test": 1}
    assert equal["images"] == [
        {"image_id": "0", "split": "train", "file_name": "0.png", "caption": "Picture 0."},
        {"image_id": "2", "split": "train", "file_name": "2.png", "caption": "Picture 2."},
        {"image_id": "5", "split": "test", "file_name": "5.bmp", "caption": "Picture 5."},
    ]
    assert (near["kind"], near["splits"]) == ("near", {"train": 1, "val": 1})
    assert near["difference"] > 0
    captions = [record for record in records if record["of"] == "captions"]
    assert len(captions) == 8
    assert captions[0] == {
        "of": "captions",
        "kind": "words",
        "splits": {"train": 2},
        "captions": ["Picture 0.", "picture 0"],
        "samples": ["0#0", "0#1"],
    }
    everywhere = captions[1]
    assert (everywhere["kind"], everywhere["splits"]) == ("text", {"train": 4, "val": 1, "test": 2})
    images = read_json_lines(root / "data/corpus_findings/images.jsonl")
    assert images[5] == {
        **{"image_id": "5", "split": "test"},
        **{"format": "BMP", "width": 120, "height": 90},
        "md5": hashlib.md5((root / "data/corpus/images/5.bmp").read_bytes()).hexdigest(),
    }


def test_the_numbers_of_the_summary(tmp_path: Path) -> None:
    root = corpus(tmp_path, "warn")
    build(root, "data")
    assert summary(root) == {
        "on_leak": "warn",
        "images": {"train": 4, "val": 1, "test": 2},
        "captions": {"train": 12, "val": 3, "test": 6},
        "same_pictures": {
            "bytes": {"groups": 0, "across_splits": 0, "images": {"train": 0, "val": 0, "test": 0}},
            "pixels": {
                "groups": 1,
                "across_splits": 1,
                "images": {"train": 2, "val": 0, "test": 1},
            },
            "near": {"groups": 1, "across_splits": 1, "images": {"train": 1, "val": 1, "test": 0}},
        },
        "leaks": {
            "groups": 2,
            "near_groups": 1,
            "images": {"train": 3, "val": 1, "test": 1},
            "dropped": 0,
        },
        "licences": {},
        "same_captions": {
            "text": {
                "groups": 1,
                "repeated_in_image": {"train": 0, "val": 0, "test": 0},
                "shared_in_split": {"train": 4, "val": 0, "test": 2},
                "shared_with_train": {"val": 1, "test": 2},
            },
            "words": {
                "groups": 8,
                "repeated_in_image": {"train": 4, "val": 1, "test": 2},
                "shared_in_split": {"train": 4, "val": 0, "test": 2},
                "shared_with_train": {"val": 1, "test": 2},
            },
        },
    }


def test_dropping_takes_training_images_from_captioner_and_generator(tmp_path: Path) -> None:
    root = corpus(tmp_path, "drop")
    printed = build(root, "data")
    assert "they were taken out of train" in printed
    build(root, "generator_data")
    for file in ("corpus/train.jsonl", "corpus/whole_train.jsonl", "generator_corpus/train.jsonl"):
        assert listed(root, file) == ["3"], file
    assert listed(root, "corpus/test.jsonl") == ["5", "6"]
    assert json.loads((root / "data/corpus/summary.json").read_text())["images"]["train"] == 1
    assert summary(root)["images"]["train"] == 4  # as it was read
    assert summary(root)["leaks"]["dropped"] == 3


def test_stopping_lists_the_leaks_and_leaves_what_was_there(tmp_path: Path) -> None:
    root = corpus(tmp_path, "stop")
    finished = run_stage(root, "data")
    assert finished.returncode == 1
    assert "on_leak = stop" in finished.stderr
    assert "image 0, '0.png': test '5.bmp' (equal pixels)" in finished.stderr
    assert "image 1, '1.png': val '4.png' (near, 0." in finished.stderr
    assert "Traceback" not in finished.stderr
    assert list((root / "data").iterdir()) == []


def test_dropping_all_of_train_is_refused(tmp_path: Path) -> None:
    finished = run_stage(corpus(tmp_path, "drop", train=1), "data")
    assert finished.returncode == 1
    assert "every training image's picture is in val or test too" in finished.stderr


@pytest.mark.parametrize("on_leak", ["drop", "stop"])
def test_repetition_within_train_is_no_leak(tmp_path: Path, on_leak: str) -> None:
    root = corpus(tmp_path, on_leak, leaks=False)
    printed = build(root, "data")
    assert "warning" not in printed
    assert "pictures that several images show: 1 (0 with near copies), in 1 images more" in printed
    assert listed(root, "corpus/train.jsonl") == ["0", "1", "2", "3"]
    assert summary(root)["leaks"]["groups"] == 0


def test_the_demos_corpus_is_what_it_was(tmp_path: Path) -> None:
    """These files have no model in them, and are the same on every machine."""
    root = workspace(tmp_path / "work")
    build(root, "data")
    digests = {
        name: hashlib.md5(content).hexdigest()
        for name, content in contents(root / "data/corpus").items()
        if name.startswith(("train", "test", "summary"))
    }
    assert digests == {
        "summary.json": "9dcc8a08bce2130c31ae8761a60649e1",
        "test.jsonl": "cb2d2f855de7fb68e5c3c96cbcc62b72",
        "test_images.jsonl": "529158873b356ecf2bbb1085484125ef",
        "train.jsonl": "fd51282e3d4d3dd0bf884bc89b3d0cdf",
        "train_images.jsonl": "8655c54f396cb4fe20ac7e436d613d89",
    }


def test_licences_are_counted() -> None:
    images = [CaptionedImage(name, f"{name}.jpg", ("a dog",)) for name in "ab"]
    known = [Provenance("a", "CC BY 4.0", None, None), Provenance("b", None, "Anna", None)]
    look = Look("JPEG", 1, 1, b"", 0, bytes(768))
    looks = {"a.jpg": look, "b.jpg": replace(look, pixels=b"other", thumbnail=b"\xff" * 768)}
    found = find_duplicates(
        Corpus("csv", {"train": images}, provenance=known), {"a.jpg": "1", "b.jpg": "2"}, looks
    )
    assert summary_of(found, "warn")["licences"] == {"CC BY 4.0": 1, "unknown": 1}
    assert found.pictures == []

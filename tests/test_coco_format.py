"""Captions in COCO JSON and in plain text."""

import json
from pathlib import Path

import pytest

from caption_curation.coco_format import (
    read_candidates_and_references,
    read_lines,
    read_references,
    read_results,
    write_results,
)
from caption_curation.support.errors import InputError


def test_results_survive_writing_and_reading(tmp_path: Path) -> None:
    captions = {"9": "nine", "0": "", "007": "zeros", "-1": "a “dog”", "a.jpg": "U+2028 \u2028"}
    path = tmp_path / "new" / "results.json"
    write_results(path, captions)
    entries = json.loads(path.read_text())
    assert [entry["image_id"] for entry in entries] == [9, 0, "007", "-1", "a.jpg"]
    assert read_results(path) == captions
    assert [file.name for file in path.parent.iterdir()] == ["results.json"]


def test_no_captions_are_valid_results(tmp_path: Path) -> None:
    write_results(tmp_path / "results.json", {})
    assert read_results(tmp_path / "results.json") == {}


def test_a_failed_write_leaves_the_old_results(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_results(path, {"1": "old"})
    with pytest.raises(TypeError):
        write_results(path, {"1": "new", "2": object()})  # type: ignore[dict-item]
    assert read_results(path) == {"1": "old"}


def test_coco_annotations_are_grouped_by_image(shared_data: Path) -> None:
    path = shared_data / "coco_cc" / "annotations" / "captions_train2017.json"
    references = read_references(path)
    assert len(references) == 26
    assert sum(map(len, references.values())) == 130
    assert all(len(captions) >= 5 for captions in references.values())


def test_an_image_without_annotations_has_no_references(tmp_path: Path) -> None:
    path = _write(tmp_path, {"images": [{"id": 1}, {"id": "b"}], "annotations": []})
    assert read_references(path) == {"1": [], "b": []}


def test_only_line_feeds_end_lines_of_text(tmp_path: Path) -> None:
    path = tmp_path / "captions.txt"
    path.write_bytes("\ufeffa\u2028b\r\n\nc\x0bd\re\n".encode())
    assert read_lines(path) == ["a\u2028b\r", "", "c\x0bd\re"]


def test_text_files_are_read_by_line(tmp_path: Path) -> None:
    for name, text in {"candidates": "a\nb", "one": "c\nd\n", "two": "e\nf\n"}.items():
        (tmp_path / name).write_text(text)
    assert read_candidates_and_references(
        tmp_path / "candidates", [tmp_path / "one", tmp_path / "two"]
    ) == ({"1": "a", "2": "b"}, {"1": ["c", "e"], "2": ["d", "f"]})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"image_id": 1, "caption": "a"}, "expected a list of COCO results"),
        (
            [1, {"caption": "a"}, {"image_id": 1}],
            r"\(3\):\n.*entry 0: .*\n.*entry 1: .*\n.*entry 2",
        ),
        ([{"image_id": True, "caption": "a"}], "entry 0: image_id must be .* not true"),
        ([{"image_id": 1.0, "caption": "a"}], "entry 0: image_id must be .* not 1.0"),
        ([{"image_id": 1, "caption": None}], "entry 0: caption must be a string, not null"),
        (
            [{"image_id": i, "caption": "a"} for i in (1, "1", 2)],
            r"several captions \(1\):\n  1: entries 0, 1$",
        ),
    ],
)
def test_faulty_results_are_rejected(tmp_path: Path, content: object, message: str) -> None:
    path = _write(tmp_path, content)
    with pytest.raises(InputError, match=message) as caught:
        read_results(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "an object with two lists"),
        ({"images": []}, "an object with two lists"),
        ({"images": {}, "annotations": []}, "an object with two lists"),
        ({"images": [{"id": None}], "annotations": []}, r"images\[0\]: id must be"),
        (
            {"images": [{"id": 1}, {"id": 1}], "annotations": []},
            r"several times \(1\):\n  1: images 0, 1$",
        ),
        (
            {"images": [{"id": 1}], "annotations": [{"image_id": 1}]},
            r"annotations\[0\]: caption is missing",
        ),
        (
            {"images": [{"id": 1}], "annotations": [{"image_id": 2, "caption": "a"}]},
            r'\(1\):\n  annotation 0: image_id 2 is not in "images"$',
        ),
    ],
)
def test_faulty_references_are_rejected(tmp_path: Path, content: object, message: str) -> None:
    path = _write(tmp_path, content)
    with pytest.raises(InputError, match=message) as caught:
        read_references(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"[{", "malformed JSON"), (b'["\xff"]', "not UTF-8"), (b"[" * 100_000, "malformed JSON")],
)
def test_what_is_not_json_is_rejected(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "captions.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{path}: {message}"):
        read_results(path)


def _write(folder: Path, content: object) -> Path:
    path = folder / "captions.json"
    path.write_text(json.dumps(content))
    return path

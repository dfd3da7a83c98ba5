"""The training set that a round leaves, in the forms of `export`, read by their own readers."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from caption_curation.exports.formats import FORMATS
from caption_curation.pictures.reading import read_picture
from tests.commands.console import fail, succeed

ROWS: list[dict[str, Any]] = [
    {"sample_id": "one", "photo": "a/x.png", "caption": "a red dog", "loss": 1, "licence": "by"},
    {"sample_id": "two", "photo": "a/x.png", "caption": "a dog", "loss": 5, "licence": "by"},
    {"sample_id": "three", "photo": "b/x.png", "caption": "a cat", "loss": 2, "licence": ""},
    {"sample_id": "four", "photo": "b/x.png", "caption": "a grey cat", "loss": 4, "licence": ""},
]
COLOURS = {"a/x.png": "red", "b/x.png": "grey"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, colour in COLOURS.items():
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True)
        Image.new("RGB", (20, 10), colour).save(path)
    (tmp_path / "drawn").mkdir()
    Image.new("RGB", (8, 8), "blue").save(tmp_path / "drawn/two.png")
    with (tmp_path / "losses.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ROWS[0])
        writer.writeheader()
        writer.writerows(ROWS)
    return tmp_path


def curate(form: str, *more: str) -> list[str]:
    return [
        *("curate", "--losses", "losses.csv", "--column", "image=photo", "--method"),
        *("replace_image", "--rule", "top_fraction", "--ratio", "0.5", "--drawn", "drawn"),
        *("--out", "edits.jsonl", "--apply", "out", "--format", form, "--images", "photos", *more),
    ]


def test_an_image_folder_as_datasets_reads_it() -> None:
    from datasets import load_dataset

    said = succeed(*curate("image_folder"))
    assert said.splitlines()[-1] == "out: 4 samples"
    rows = list(load_dataset("imagefolder", data_dir="out", split="train", cache_dir="cache"))
    assert [row["caption"] for row in rows] == [row["caption"] for row in ROWS]
    assert [row["image"].convert("RGB").getpixel((0, 0)) for row in rows] == [
        *((255, 0, 0), (0, 0, 255), (128, 128, 128), (128, 128, 128))
    ]
    assert [row["synthetic"] for row in rows] == [False, True, False, False]
    assert [row["action"] for row in rows] == [None, "replace_image", None, None]
    assert [row["licence"] for row in rows] == ["by", None, None, None]
    assert rows[1]["prompt"] == "a red dog. a dog"
    assert rows[1]["score"] == 5.0
    card = Path("out/README.md").read_text()
    assert "losses.csv, curated by replace" in card and "after epoch 1" in card


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_is_written_whole(form: str) -> None:
    succeed(*curate(form))
    assert Path("out/README.md").is_file() and not Path("out.partial").exists()
    assert len(Path("edits.jsonl").read_text().splitlines()) == 2
    if form == "coco":
        annotations = json.loads(Path("out/annotations/captions_train.json").read_text())
        names = {image["id"]: image["file_name"] for image in annotations["images"]}
        shown = [names[each["image_id"]] for each in annotations["annotations"]]
        assert len(set(shown)) == 3 and shown[2] == shown[3] != shown[0]
        assert read_picture(Path("out/images") / shown[1]).size == (8, 8)
    if form == "ids":
        assert Path("out/ids.txt").read_text().split() == ["four", "one", "three"]


def test_pictures_that_are_not_there_are_told_and_nothing_is_written() -> None:
    Path("photos/a/x.png").unlink()
    Path("photos/b/x.png").write_bytes(b"no picture")
    message = fail(*curate("karpathy"))
    assert "photos: pictures (2)" in message
    assert "photos/a/x.png: no such file" in message and "photos/b/x.png: " in message
    assert not Path("out").exists() and not Path("edits.jsonl").exists()


def test_options_that_go_together() -> None:
    message = fail(*curate("coco")[:-2], status=2)
    assert "--format, --images and --apply FOLDER go together" in message
    Path("out").mkdir()
    Path("out/mine.txt").touch()
    assert "--apply: out exists and is not empty" in fail(*curate("coco"))

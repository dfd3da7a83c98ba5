"""Data sets on the hub: a server on this machine stands for it, at the address HF_ENDPOINT."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest

from caption_curation.samples import read_json_lines
from tests.conftest import REPOSITORY
from tests.corpora.forms import (
    COLUMNS,
    HALVES,
    SPLITS,
    assert_refused_with_nothing_written,
    section,
    write_picture,
    written,
)
from tests.corpora.hub_server import serve_data_set
from tests.corpora.test_corpus_stage import workspace
from tests.corpora.test_image_folder import write_metadata
from tests.corpora.test_parquet import content, write_table

NAME, COMMIT = "someone/pictures", "0123456789abcdef" * 2 + "01234567"
HUB_SPLITS = ("train", "validation", "test")


def data_set(**more: Any) -> dict[str, Any]:
    plain = {"id": NAME, "revision": COMMIT, "config": None, "download": True, "splits": "given"}
    columns = COLUMNS | {"image": "image", "file_name": None}
    return section("hub", **plain | {"columns": columns} | more)


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A data set with two configurations in Parquet, as ``push_to_hub`` lays it out."""
    folder = tmp_path / "published"
    card = "---\nconfigs:\n"
    for config in ("small", "large"):
        card += f"- config_name: {config}\n  default: {str(config == 'small').lower()}\n"
        card += "  data_files:\n"
        for number, split in enumerate(HUB_SPLITS):
            card += f"  - split: {split}\n    path: {config}/{split}-*\n"
            rows = [
                {
                    "image": {"bytes": content(tmp_path, 10 * number + n), "path": "1.jpg"},
                    "caption": [f"{config} {split} {n}", "again"],
                    "author": f"author {n}",
                }
                for n in range(3)
            ]
            write_table(folder / config / f"{split}-00000-of-00001.parquet", rows)
    (folder / "README.md").write_text(card + "---\n")
    return folder


def stage(
    root: Path, data: dict[str, Any], cache: Path, endpoint: str = "http://127.0.0.1:9"
) -> subprocess.CompletedProcess[str]:
    """The corpus stage with the hub at an address; at the usual one nobody listens."""
    workspace(root, data=data)
    return subprocess.run(
        [sys.executable, "-m", "stages.corpus", "data"],
        cwd=root,
        env=os.environ
        | {"PYTHONPATH": str(REPOSITORY), "HF_HOME": str(cache), "HF_ENDPOINT": endpoint},
        capture_output=True,
        text=True,
        check=False,
    )


def captions(root: Path) -> list[str]:
    return sorted(texts[0] for texts, _ in written(root).values())


def test_a_data_set_is_downloaded_once_and_read_from_the_cache(
    published: Path, tmp_path: Path
) -> None:
    cache, asked = tmp_path / "cache", list[str]()
    columns = data_set()["columns"] | {"author": "author"}
    with serve_data_set(published, NAME, COMMIT, asked) as endpoint:
        ended = stage(tmp_path / "first", data_set(columns=columns), cache, endpoint)
    assert ended.returncode == 0, ended.stderr
    assert any(f"/resolve/{COMMIT}/small/train-00000" in path for path in asked)
    first = written(tmp_path / "first")
    loaded = datasets.load_dataset(str(published), cache_dir=str(tmp_path / "arrow"))
    theirs = [
        (tuple(row["caption"]), row["image"]["bytes"])
        for split in HUB_SPLITS
        for row in loaded[split].cast_column("image", datasets.Image(decode=False))
    ]
    assert sorted(first.values()) == sorted(theirs)
    known = read_json_lines(tmp_path / "first/data/corpus/provenance.jsonl")
    assert [row["author"] for row in known] == [f"author {n}" for n in range(3)] * 3
    # The hub is gone, and nothing asks for it. Another configuration came along.
    ended = stage(tmp_path / "second", data_set(download=False, columns=columns), cache)
    assert ended.returncode == 0, ended.stderr
    assert written(tmp_path / "second") == first
    names = {"train": "test", "val": "validation", "test": "train"}
    turned = data_set(download=False, config="large", splits=names)
    assert stage(tmp_path / "third", turned, cache).returncode == 0
    assert captions(tmp_path / "third") == sorted(
        f"large {split} {n}" for split in HUB_SPLITS for n in range(3)
    )
    train = read_json_lines(tmp_path / "third/data/corpus/train.jsonl")
    assert [image["captions"][0] for image in train] == [f"large test {n}" for n in range(3)]
    assert not list(cache.rglob("*.arrow"))  # no second copy of the pictures


def test_a_folder_of_images_on_the_hub(tmp_path: Path) -> None:
    folder = tmp_path / "published"
    for number, split in enumerate(SPLITS):
        rows = []
        for n in range(3):
            write_picture(folder / split / f"{n}.jpg", 10 * number + n)
            rows.append({"file_name": f"{n}.jpg", "caption": f"{split} {n}"})
        write_metadata(folder / split / "metadata.jsonl", rows)
    with serve_data_set(folder, NAME, COMMIT, []) as endpoint:
        data = data_set(splits=HALVES)
        ended = stage(tmp_path / "work", data, tmp_path / "cache", endpoint)
    assert ended.returncode == 0, ended.stderr
    assert captions(tmp_path / "work") == sorted(f"{s} {n}" for s in SPLITS for n in range(3))


def test_what_is_not_in_the_cache_is_not_downloaded_unasked(
    published: Path, tmp_path: Path
) -> None:
    asked = list[str]()
    root = tmp_path / "work"
    with serve_data_set(published, NAME, COMMIT, asked) as endpoint:
        ended = stage(root, data_set(download=False), tmp_path / "cache", endpoint)
        words = f"data set {NAME}, revision {COMMIT}: not in the local cache"
        assert_refused_with_nothing_written(ended, root, words, "`download: true`")
        assert asked == []
        other = data_set(id="someone/else")
        ended = stage(tmp_path / "other", other, tmp_path / "cache", endpoint)
    words = "data set someone/else, revision"
    assert_refused_with_nothing_written(ended, tmp_path / "other", words, "cannot be obtained")


def test_all_faults_are_told_at_once_by_row(published: Path, tmp_path: Path) -> None:
    """A table that names files of this machine gets none of them."""
    secret = write_picture(tmp_path / "secret.jpg")
    rows = [
        {"image": {"bytes": None, "path": str(secret)}, "caption": ["a"], "author": "x"},
        {"image": {"bytes": b"no picture", "path": None}, "caption": ["a"], "author": "x"},
        {"image": {"bytes": content(tmp_path, 99), "path": None}, "caption": [], "author": "x"},
    ]
    write_table(published / "small/train-00000-of-00001.parquet", rows)
    root = tmp_path / "work"
    with serve_data_set(published, NAME, COMMIT, []) as endpoint:
        ended = stage(root, data_set(), tmp_path / "cache", endpoint)
        assert_refused_with_nothing_written(
            ended,
            root,
            f"data set {NAME}: faults (3)",
            "split train, row 0: image must be a picture's bytes, or {bytes, path} with them",
            "split train, row 1: file",
            "not a picture of a known format",
            "split train, row 2: file",
            "no caption, or only ones without a word",
        )
    for name, change, part in (
        ("split", {"splits": {"train": "all", "val": None, "test": None}}, "no split 'all'; there"),
        (
            "column",
            {"columns": data_set()["columns"] | {"caption": "text"}},
            "splits train, validation, test: no column 'text'; there are 'image', 'caption',",
        ),
    ):
        ended = stage(tmp_path / name, data_set(download=False) | change, tmp_path / "cache")
        assert_refused_with_nothing_written(ended, tmp_path / name, part)

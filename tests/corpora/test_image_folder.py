"""Folders of images with a metadata file, as ``datasets`` reads them too."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import datasets
import pyarrow
import pytest
from pyarrow import parquet

from caption_curation.samples import read_json_lines
from tests.corpora.forms import (
    COLUMNS,
    HALVES,
    SPLITS,
    assert_refused_with_nothing_written,
    captions_of,
    listed,
    photographs,
    read,
    refusal,
    section,
    stage,
    write_picture,
    written,
)

Rows = list[dict[str, Any]]


def folder_of(annotations: str = "photos", **more: Any) -> dict[str, Any]:
    plain = {"annotations": annotations, "revision": 0, "columns": COLUMNS, "splits": "given"}
    return section("image_folder", **plain | more)


def write_metadata(path: Path, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.suffix:
        case ".csv":
            with path.open("w", newline="") as lines:
                writer = csv.DictWriter(lines, rows[0])
                writer.writeheader()
                writer.writerows(rows)
        case ".parquet":
            parquet.write_table(pyarrow.Table.from_pylist(rows), path)
        case _:
            path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_real_photographs_as_datasets_reads_them(
    shared_data: Path, tmp_path: Path, kind: str
) -> None:
    """The same captions and pixels, by the stage and by an independent reader."""
    folder = tmp_path / "photos"
    for number, split in enumerate(SPLITS):
        files = photographs(shared_data, 9)[number::3]
        rows = []
        for file in files:
            (folder / split / "deep").mkdir(parents=True, exist_ok=True)
            shutil.copy(file, folder / split / "deep")
            texts = (f'{file.stem}, "one" .', f"{file.stem} | two")
            rows += [{"file_name": f"deep/{file.name}", "caption": text} for text in texts]
        write_metadata(folder / split / f"metadata.{kind}", rows)
    root = tmp_path / "work"
    ended = stage(root, folder_of(), folder, None)
    assert ended.returncode == 0, ended.stderr
    ours = [
        (name.split("/")[0], text, content)
        for name, (texts, content) in written(root).items()
        for text in texts
    ]
    loaded = datasets.load_dataset(
        "imagefolder", data_dir=str(folder), cache_dir=str(tmp_path / "cache")
    )
    theirs = [
        (
            split.replace("validation", "val"),
            row["caption"],
            Path(row["image"]["path"]).read_bytes(),
        )
        for split in loaded
        for row in loaded[split].cast_column("image", datasets.Image(decode=False))
    ]
    assert len(ours) == 18
    assert sorted(ours) == sorted(theirs)


def test_one_metadata_file_with_lists_of_captions_and_provenance(tmp_path: Path) -> None:
    names = ["train/a.b.jpg", "val/1.jpg", "test/1.png"]
    for seed, name in enumerate(names):
        write_picture(tmp_path / name, seed)
    rows: Rows = [
        {"file_name": "train\\a.b.jpg", "texts": ["a dog", " . "], "id": 7, "under": 3},
        {"file_name": "val/1.jpg", "texts": "a\u2028cat", "id": 8, "under": None},
        {"file_name": "test/1.png", "texts": ["a bird"], "id": 9, "under": "CC BY"},
    ]
    write_metadata(tmp_path / "metadata.jsonl", rows)
    columns = COLUMNS | {"caption": "texts", "image_id": "id", "licence": "under"}
    root = tmp_path / "work"
    data = folder_of("metadata.jsonl", columns=columns)
    ended = stage(root, data, tmp_path / "metadata.jsonl", None)
    assert ended.returncode == 0, ended.stderr
    assert "1 captions without a word were dropped" in ended.stdout
    assert read_json_lines(root / "data/corpus/train.jsonl") == [
        {"image_id": "7", "file_name": "train/a.b.jpg", "captions": ["a dog"]}
    ]
    assert [row["licence"] for row in read_json_lines(root / "data/corpus/provenance.jsonl")] == [
        "3",
        "CC BY",
    ]


def test_images_beside_another_folder_than_the_metadata(tmp_path: Path) -> None:
    names = [f"{number}.jpg" for number in range(12)]
    for seed, name in enumerate(names):
        write_picture(tmp_path / "images" / name, seed)
    rows = [{"file_name": name, "caption": f"a {name}"} for name in names]
    write_metadata(tmp_path / "lists/metadata.csv", rows)
    data = folder_of("metadata.csv", splits=HALVES)
    corpus = read(data, tmp_path / "lists/metadata.csv", tmp_path / "images")
    assert captions_of(corpus) == {name: (f"a {name}",) for name in names}


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    """However soon, and with the same size: nothing is kept of what was read."""
    for kind in ("jsonl", "csv", "parquet"):
        metadata = tmp_path / f"metadata.{kind}"
        for caption in ("a dog", "a cat"):
            write_metadata(metadata, [{"file_name": "train/1.jpg", "caption": caption}])
            [entry] = listed(folder_of(f"metadata.{kind}"), metadata, tmp_path).entries
            assert entry.image.captions == (caption,)


def test_all_faults_are_told_at_once_by_line(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    lines = [
        b'{"file_name": "1.jpg", "caption": "a"}',
        b'{"file_name": "../../1.jpg", "caption": "a"}',
        b'{"file_name": "/etc/passwd", "caption": "a"}',
        b'{"file_name": "1.jpg"}',
        b'{"file_name": 5, "caption": {"text": "a"}}',
        b"not JSON",
        b'{"file_name": "1.jpg", "caption": "Gr\xfcn"}',
        b'["1.jpg", "a"]',
        b'{"file_name": "2.jpg", "caption": ["a", 3]}',
        b'{"file_name": "gone.jpg", "caption": "\\ud800"}',
        b'{"file_name": "gone.jpg", "caption": "a"}',
        b'{"file_name": "nul\\u0000.jpg", "caption": "a"}',
        b'{"file_name": "' + b"x" * 300 + b'.jpg", "caption": "a"}',
    ]
    for split in SPLITS:
        write_picture(folder / split / "1.jpg")
        (folder / split / "metadata.jsonl").write_bytes(lines[0])
    (folder / "train/metadata.jsonl").write_bytes(b"\n".join(lines))
    root = tmp_path / "work"
    assert_refused_with_nothing_written(
        stage(root, folder_of(), folder, None),
        root,
        "train/metadata.jsonl, line 2: file 'train/../../1.jpg' must be a path inside",
        "train/metadata.jsonl, line 3: file '/etc/passwd' must be a path inside",
        "train/metadata.jsonl, line 4: caption is missing",
        "train/metadata.jsonl, line 5: file_name must be a string, not 5",
        "train/metadata.jsonl, line 5: caption must be a caption, or a list of captions, not {",
        "train/metadata.jsonl, line 9: caption must be a caption, or a list of captions, not [",
        "train/metadata.jsonl, line 6: not JSON",
        "train/metadata.jsonl, line 7: not UTF-8: byte 0xfc",
        'train/metadata.jsonl, line 8: must be an object, not ["1.jpg", "a"]',
        "train/metadata.jsonl, line 10: caption must hold whole characters",
        "train/metadata.jsonl, line 11: file 'train/gone.jpg': missing",
        "train/metadata.jsonl, line 12: file 'train/nul\\x00.jpg' must be a path inside",
        'train/metadata.jsonl, line 13: file "train/xxx',
        "File name too long",
    )


def test_what_is_no_metadata(tmp_path: Path) -> None:
    message = refusal(folder_of(), tmp_path, tmp_path)
    assert "no file for data.source image_folder: metadata.jsonl or metadata.csv or" in message
    assert "no such file or folder" in refusal(folder_of(), tmp_path / "gone", tmp_path)
    (tmp_path / "metadata.parquet").write_text("not a table")
    message = refusal(folder_of(), tmp_path / "metadata.parquet", tmp_path)
    assert "metadata.parquet: not a Parquet file, or a damaged one" in message
    write_metadata(tmp_path / "metadata.parquet", [{"file_name": "1.jpg", "text": "a"}])
    message = refusal(folder_of(), tmp_path / "metadata.parquet", tmp_path)
    assert "no column 'caption'; there are 'file_name', 'text'" in message

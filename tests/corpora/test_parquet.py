"""Parquet files, with pictures inside or beside them."""

from pathlib import Path
from typing import Any

import datasets
import pyarrow
from pyarrow import parquet

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

INSIDE = COLUMNS | {"image": "image", "file_name": None}
Rows = list[dict[str, Any]]


def tables(annotations: str = "tables", **more: Any) -> dict[str, Any]:
    plain = {"annotations": annotations, "revision": 0, "columns": INSIDE, "splits": "given"}
    return section("parquet", **plain | more)


def write_table(path: Path, rows: Rows, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.Table.from_pylist(rows), path, **options)
    return path


def content(folder: Path, seed: int) -> bytes:
    return write_picture(folder / f"made/{seed}.jpg", seed).read_bytes()


def test_real_photographs_as_datasets_writes_and_reads_them(
    shared_data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    files = photographs(shared_data, 9)
    for number, split in enumerate(("train", "validation", "test")):
        some = files[3 * number : 3 * number + 3]
        columns = {
            "image": [{"bytes": file.read_bytes(), "path": file.name} for file in some],
            "caption": [[f"a, {file.stem}", "again"] for file in some],
        }
        table = datasets.Dataset.from_dict(columns).cast_column("image", datasets.Image())
        table.to_parquet(folder / f"{split}-00000-of-00001.parquet")
    root = tmp_path / "work"
    ended = stage(root, tables(), folder, None)
    assert ended.returncode == 0, ended.stderr
    ours = sorted((list(texts), part) for texts, part in written(root).values())
    loaded = datasets.load_dataset(
        "parquet",
        data_files=sorted(map(str, folder.iterdir())),
        split="train",
        cache_dir=str(tmp_path / "cache"),
    ).cast_column("image", datasets.Image(decode=False))
    assert ours == sorted((row["caption"], row["image"]["bytes"]) for row in loaded)
    assert {part for _, part in ours} == {file.read_bytes() for file in files}


def test_rows_of_one_picture_are_its_captions_in_whatever_order(tmp_path: Path) -> None:
    """Plain bytes, several row groups, and a file of more rows than are held at a time."""
    pictures = [content(tmp_path, seed) for seed in range(40)]
    rows = [
        {"image": pictures[n % 40], "caption": f"{n}", "id": f"id {n % 40}"} for n in range(160)
    ]
    path = write_table(tmp_path / "all.parquet", rows, row_group_size=30)
    columns = INSIDE | {"image_id": "id"}
    root = tmp_path / "work"
    ended = stage(root, tables("all.parquet", columns=columns, splits=HALVES), path, None)
    assert ended.returncode == 0, ended.stderr
    expected = {
        part: (f"{n}", f"{n + 40}", f"{n + 80}", f"{n + 120}") for n, part in enumerate(pictures)
    }
    assert {part: texts for texts, part in written(root).values()} == expected
    assert all(name.endswith(".jpg") for name in written(root))


def test_names_of_pictures_inside_are_kept_apart(tmp_path: Path) -> None:
    """Equal names of different pictures are no captions of one; ``datasets`` strips folders."""
    rows = [
        {"image": {"bytes": content(tmp_path, seed), "path": "1.jpg"}, "caption": f"picture {seed}"}
        for seed in range(12)
    ]
    path = write_table(tmp_path / "all.parquet", rows)
    corpus = read(tables("all.parquet", splits=HALVES), path, tmp_path)
    assert sorted(captions_of(corpus).values()) == sorted((f"picture {n}",) for n in range(12))
    rows = [row | {"name": f"{n // 2}.jpg"} for n, row in enumerate(rows)]
    write_table(path, rows)
    named = tables("all.parquet", columns=INSIDE | {"file_name": "name"}, splits=HALVES)
    message = refusal(named, path, tmp_path)
    assert "rows 0, 1: file '0.jpg': several pictures of one name" in message


def test_names_of_files_beside_the_table(tmp_path: Path) -> None:
    rows = []
    for seed, split in enumerate(SPLITS):
        write_picture(tmp_path / "images" / f"{split}.jpg", seed)
        rows += [{"name": f"{split}.jpg", "texts": [f"a {split}", "b"], "part": split}]
    path = write_table(tmp_path / "all.parquet", rows)
    columns = COLUMNS | {"image": None, "file_name": "name", "caption": "texts", "split": "part"}
    corpus = read(tables("all.parquet", columns=columns), path, tmp_path / "images")
    assert captions_of(corpus) == {f"{split}.jpg": (f"a {split}", "b") for split in SPLITS}


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    for text in ("a dog", "a cat"):
        rows = [{"image": content(tmp_path, 0), "caption": text}]
        path = write_table(tmp_path / "train.parquet", rows)
        [entry] = listed(tables("train.parquet"), path, tmp_path).entries
        assert entry.image.captions == (text,)


def test_all_faults_are_told_at_once_by_row(tmp_path: Path) -> None:
    good = [{"bytes": content(tmp_path, seed), "path": None} for seed in range(8)]
    rows: Rows = [
        {"image": good[0], "caption": "a", "name": "0.jpg", "part": "train"},
        {"image": {"bytes": None, "path": "1.jpg"}, "caption": "a", "name": "1.jpg", "part": "val"},
        {"image": good[1], "caption": "...", "name": "2.jpg", "part": "val"},
        {"image": good[2], "caption": "a", "name": "../3.jpg", "part": "val"},
        {"image": good[3], "caption": "a", "name": None, "part": "val"},
        {"image": good[4], "caption": "a", "name": "5.jpg", "part": "dev set"},
        {"image": {"bytes": b"no picture", "path": ""}, "caption": "a", "name": "6", "part": "val"},
        {"image": good[5], "caption": None, "name": "7.jpg", "part": "test"},
    ]
    path = write_table(tmp_path / "all.parquet", rows)
    columns = INSIDE | {"file_name": "name", "split": "part"}
    root = tmp_path / "work"
    assert_refused_with_nothing_written(
        stage(root, tables("all.parquet", columns=columns), path, None),
        root,
        "row 1: image must be a picture's bytes, or {bytes, path} with them, not",
        "row 2: file '2.jpg': no caption, or only ones without a word",
        "row 3: file '../3.jpg' must be a path inside the image folder",
        "row 4: name must be a string, not null",
        "row 5: file '5.jpg': split must be 'train', 'val', 'validation', 'dev' or 'test', not",
        "row 6: file '6': not a picture of a known format",
        "row 7: file '7.jpg': no caption",
    )


def test_files_of_another_form(tmp_path: Path) -> None:
    path = write_table(tmp_path / "all.parquet", [{"image": b"x", "text": "a"}])
    message = refusal(tables("all.parquet"), path, tmp_path)
    assert "no column 'caption'; there are 'image', 'text'" in message
    path.write_bytes(path.read_bytes()[:-20])
    assert "all.parquet: not a Parquet file, or a damaged one" in refusal(tables(), path, tmp_path)
    raw = write_table(tmp_path / "all.parquet", [{"image": b"x", "caption": b"Gr\xfcn"}])
    message = refusal(tables("all.parquet"), raw, tmp_path)
    assert "row 0: caption must be a caption, or a list of captions" in message

"""Tar shards, with members in any order."""

import gzip
import io
import json
import random
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import datasets
import pytest
import webdataset

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

TXT = COLUMNS | {"caption": "txt", "file_name": None}
JSON = COLUMNS | {"file_name": None}
Members = Iterable[tuple[str, bytes | str]]


def shards(annotations: str = "shards", **more: Any) -> dict[str, Any]:
    plain = {"annotations": annotations, "columns": TXT, "splits": "given"}
    return section("webdataset", **plain | more)


def write_tar(path: Path, members: Members) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def picture(folder: Path, seed: int, ending: str = "jpg") -> bytes:
    return write_picture(folder / f"made/{seed}.{ending}", seed).read_bytes()


def test_real_photographs_as_webdataset_and_datasets_read_them(
    shared_data: Path, tmp_path: Path
) -> None:
    """Written by the library whose form it is, read by it and by another."""
    folder = tmp_path / "shards"
    folder.mkdir()
    files = photographs(shared_data, 9)
    for number, split in enumerate(("train", "validation", "test")):
        for part in range(2):
            with (
                (folder / f"{split}-{part:03}.tar").open("wb") as stream,
                webdataset.TarWriter(stream) as tar,
            ):
                for file in files[3 * number + part : 3 * number + (3 if part else 1)]:
                    text = f"a, {file.stem}"
                    tar.write({"__key__": file.stem, "jpg": file.read_bytes(), "txt": text})
    root = tmp_path / "work"
    ended = stage(root, shards(), folder, None)
    assert ended.returncode == 0, ended.stderr
    ours = sorted((texts, content) for texts, content in written(root).values())
    assert len(ours) == 9
    paths = sorted(map(str, folder.iterdir()))
    samples = webdataset.WebDataset(paths, shardshuffle=False, empty_check=False)
    assert ours == sorted(((each["txt"].decode(),), each["jpg"]) for each in samples)
    loaded = datasets.load_dataset(
        "webdataset", data_files=paths, split="train", cache_dir=str(tmp_path / "cache")
    ).cast_column("jpg", datasets.Image(decode=False))
    assert ours == sorted(((row["txt"],), row["jpg"]["bytes"]) for row in loaded)


def test_members_in_any_order_stay_together(tmp_path: Path) -> None:
    members: list[tuple[str, bytes | str]] = []
    pictures = {}
    for number in range(10):
        key = f"./folder.v1/{number}.x"
        pictures[f"folder.v1/{number}.x.JPG"] = content = picture(tmp_path, number)
        members += [(f"{key}.JPG", content), (f"{key}.txt", f"picture {number}")]
        members += [(f"{key}.seg.png", b"another field"), (f"{key}.cls", "3")]
    random.Random(0).shuffle(members)
    shard = write_tar(tmp_path / "all.tar", members)
    root = tmp_path / "work"
    ended = stage(root, shards("all.tar", splits=HALVES), shard, None)
    assert ended.returncode == 0, ended.stderr
    assert written(root) == {
        name: ((f"picture {Path(name).name[0]}",), content) for name, content in pictures.items()
    }


def test_records_with_lists_names_and_ids(tmp_path: Path) -> None:
    """Samples that name one picture are its captions, wherever they are."""
    for number, split in enumerate(SPLITS):
        content = picture(tmp_path, number)
        members: list[tuple[str, bytes | str]] = []
        for sample in range(2):
            texts = [f"{split} {sample}", "again"]
            record: dict[str, Any] = {"caption": texts, "by": "Ann", "of": f"{split}.jpg"}
            key = f"{split}#{sample}"
            members += [(f"{key}.jpg", content), (f"{key}.json", json.dumps(record))]
        write_tar(tmp_path / f"shards/{split}.tar", members)
    data = shards(columns=JSON | {"file_name": "of", "author": "by"})
    corpus = read(data, tmp_path / "shards", tmp_path)
    assert captions_of(corpus) == {
        f"{split}.jpg": (f"{split} 0", "again", f"{split} 1", "again") for split in SPLITS
    }
    assert [row.author for row in corpus.provenance] == ["Ann"] * 3
    record = {"caption": "x", "by": None, "of": "train.jpg"}
    members = [("1.jpg", picture(tmp_path, 9)), ("1.json", json.dumps(record))]
    write_tar(tmp_path / "shards/train-2.tar", members)
    message = refusal(data, tmp_path / "shards", tmp_path)
    assert "train-2.tar, sample 1" in message and "several pictures of one name" in message


def test_a_shard_that_changed_is_read_again(tmp_path: Path) -> None:
    for text in ("a dog", "a cat"):
        shard = write_tar(
            tmp_path / "train.tar", [("1.jpg", picture(tmp_path, 0)), ("1.txt", text)]
        )
        [entry] = listed(shards("train.tar"), shard, tmp_path).entries
        assert entry.image.captions == (text,)


def test_all_faults_are_told_at_once_by_member(tmp_path: Path) -> None:
    good = picture(tmp_path, 0)
    members: list[tuple[str, bytes | str]] = [
        ("../up.jpg", good),
        ("../up.txt", "a"),
        ("/etc/x.jpg", good),
        ("/etc/x.txt", "a"),
        ("\udcff.jpg", good),
        ("\udcff.txt", "a"),
        ("1.jpg", good),
        ("1.png", picture(tmp_path, 1, "png")),
        ("1.txt", "a"),
        ("2.jpg", good),
        ("3.txt", "a"),
        ("4.jpg", good),
        ("4.txt", b"Gr\xfcn"),
        ("5.jpg", good),
        ("5.txt", " ... "),
        ("6.jpg", good[:300]),
        ("6.txt", "a"),
        ("7.jpg", good),
        ("7.jpg", good),
        ("7.txt", "a"),
        ("9.jpg", good),
        ("9.txt", "a"),
    ]
    shard = write_tar(tmp_path / "shards/train.tar", members)
    with tarfile.open(shard, "a") as tar:
        link = tarfile.TarInfo("8.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    write_tar(tmp_path / "shards/train-2.tar", [("9.jpg", good), ("9.txt", "a")])
    cut = write_tar(tmp_path / "shards/val.tar", [("v.jpg", good), ("v.txt", "a")] * 1)
    cut.write_bytes(cut.read_bytes()[:1000])
    root = tmp_path / "work"
    assert_refused_with_nothing_written(
        stage(root, shards(), tmp_path / "shards", None),
        root,
        "train.tar, sample ../up: file '../up.jpg' must be a path inside",
        "train.tar, sample /etc/x: file '/etc/x.jpg' must be a path inside",
        "its name is not UTF-8",
        "train.tar, sample 1: several pictures: 1.jpg and 1.png",
        "train.tar, sample 2: no caption: neither .txt nor .json",
        "train.tar, sample 3: no picture",
        "train.tar, sample 4: 4.txt: not UTF-8: byte 0xfc",
        "train.tar, sample 5: file '5.jpg': no caption, or only ones without a word",
        "train.tar, sample 6: file '6.jpg': unreadable or truncated picture",
        "train.tar, member 7.jpg: there twice",
        "train.tar, member 8.jpg: not a plain file",
        "file '9.jpg': several pictures of one name",
        "val.tar, file val.tar: was cut short, or is damaged",
    )


@pytest.mark.parametrize("kept", [100, 511, 600, 1100, 2000, 2048])
def test_a_shard_that_was_cut_short_is_found_wherever_it_was(tmp_path: Path, kept: int) -> None:
    shard = write_tar(tmp_path / "train.tar", [("1.txt", "a"), ("1.jpg", picture(tmp_path, 0))])
    shard.write_bytes(shard.read_bytes()[:kept])
    message = refusal(shards("train.tar"), shard, tmp_path)
    assert "cut short" in message or "not a tar file, or a damaged one" in message


def test_records_of_another_shape(tmp_path: Path) -> None:
    good = picture(tmp_path, 0)
    texts = ['["a"]', "{", '{"caption": 3}', '{"text": "a"}']
    members = [
        (f"{n}.{end}", part)
        for n, t in enumerate(texts)
        for end, part in (("jpg", good), ("json", t))
    ]
    message = refusal(shards(columns=JSON), write_tar(tmp_path / "train.tar", members), tmp_path)
    assert 'sample 0: must be an object, not ["a"]' in message
    assert "sample 1: .json: not JSON" in message
    assert "sample 2: caption must be a caption, or a list of captions, not 3" in message
    assert "sample 3: caption is missing" in message


def test_what_is_no_plain_archive(tmp_path: Path) -> None:
    shard = tmp_path / "train.tar"
    shard.write_bytes(gzip.compress(b"x"))
    assert "compressed by gzip; unpack it" in refusal(shards("train.tar"), shard, tmp_path)
    shard.write_bytes(b"x" * 2000)
    assert "not a tar file, or a damaged one" in refusal(shards("train.tar"), shard, tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no file for data.source webdataset: .tar" in refusal(shards("empty"), empty, tmp_path)

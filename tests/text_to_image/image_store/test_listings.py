"""DVC's lists of files are read once, and what they name is found all the same."""

import hashlib
import json
import multiprocessing
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from caption_curation.text_to_image.image_store import listings
from caption_curation.text_to_image.image_store.dvc_images import (
    images_in_dvc_cache,
    images_in_listing,
)
from caption_curation.text_to_image.image_store.listings import Listings

KEYS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(40)]


def write_listing(cache: Path, seed: int, content: bytes | None = None) -> Path:
    """Of twelve images, drawn by the seed, among other files."""
    rng = random.Random(seed)
    entries = [
        {"md5": rng.randbytes(16).hex(), "relpath": f"{key}.jpg"} for key in rng.sample(KEYS, 12)
    ]
    entries += [{"md5": "0" * 32, "relpath": "index.jsonl"}, {"md5": "1" * 32, "relpath": "a.jpg"}]
    text = json.dumps(entries).encode() if content is None else content
    digest = hashlib.md5(str(seed).encode()).hexdigest()
    path = cache / "files" / "md5" / digest[:2] / f"{digest[2:]}.dir"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Whose lists include a damaged one, and one that is no output of a synthesize stage."""
    cache = tmp_path / "cache"
    for seed in range(5):
        write_listing(cache, seed)
    write_listing(cache, 5, b'[{"relpath": "index.jsonl", damaged')
    write_listing(cache, 6, json.dumps([{"md5": "2" * 32, "relpath": f"{KEYS[0]}.jpg"}]).encode())
    (cache / "files" / "md5" / "ab").mkdir(exist_ok=True)
    (cache / "files" / "md5" / "ab" / ("f" * 30)).write_bytes(b"an object")
    (cache / "files" / "md5" / "ab" / "temporary.dir").write_bytes(b"nothing of DVC's")
    return cache


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The lists that were read."""
    paths: list[Path] = []

    def recorded(path: Path) -> object:
        paths.append(path)
        return images_in_listing(path)

    monkeypatch.setattr(listings, "images_in_listing", recorded)
    return paths


def expected(cache: Path, keys: list[str]) -> list[tuple[str, Path]]:
    """From all the lists, in their order."""
    found = [pair for pair in images_in_dvc_cache(cache) if pair[0] in keys]
    return sorted(found, key=lambda pair: pair[0])


def found(cache: Path, keys: list[str] = KEYS) -> list[tuple[str, Path]]:
    return list(Listings(cache).objects_of(keys))


def test_images_are_found_in_the_order_of_the_lists(cache: Path) -> None:
    assert found(cache) == expected(cache, KEYS)
    assert len(found(cache)) == 60
    assert found(cache, KEYS[:7]) == expected(cache, KEYS[:7])
    assert found(cache, ["f" * 64]) == []
    assert found(cache, []) == []


def test_a_cache_without_anything(tmp_path: Path) -> None:
    assert found(tmp_path / "cache") == []


def test_only_new_lists_are_read(cache: Path, read: list[Path]) -> None:
    found(cache)
    assert len(read) == 7
    new = write_listing(cache, 7)
    assert found(cache) == expected(cache, KEYS)
    assert read[7:] == [new]


def test_a_list_that_has_been_mended_is_read_again(cache: Path, read: list[Path]) -> None:
    found(cache)
    mended = write_listing(cache, 5)
    assert found(cache) == expected(cache, KEYS)
    assert read[7:] == [mended]
    assert len(found(cache)) == 72
    write_listing(cache, 5, b"[]")
    assert len(found(cache)) == 60


def test_a_list_that_dvc_has_removed_is_forgotten(cache: Path) -> None:
    found(cache)
    write_listing(cache, 2).unlink()
    assert found(cache) == expected(cache, KEYS)
    assert len(found(cache)) == 48


def destroy(file: Path) -> None:
    file.write_bytes(b"no database at all" * 100)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def block(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("damage", [destroy, empty, cut, block])
def test_what_is_remembered_may_be_damaged(damage: Callable[[Path], None], cache: Path) -> None:
    found(cache)
    damage(Listings(cache).path)
    for _ in range(2):  # while it is damaged, and when it has begun anew
        assert sorted(found(cache)) == sorted(expected(cache, KEYS))


def test_processes_that_read_at_once_agree(cache: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as processes:
        answers = processes.map(found, [cache] * 6)
    assert answers == [expected(cache, KEYS)] * 6

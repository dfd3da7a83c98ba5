"""What is in the store is checked before it is used, once."""

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from PIL import Image

from caption_curation.support import digest_memo
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.image_store import (
    Counts,
    ImageRequest,
    ImageStore,
    checks,
    open_store,
)
from tests.text_to_image.image_store.noise_generator import (
    BATCH_SIZE,
    RECIPE,
    noise_images,
    requests_for,
)

LONG_AGO = 1_700_000_000  # seconds
KEYS = list(requests_for(range(6)))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Whose store has six images, none of them remembered, and whose objects are these images."""
    cache = tmp_path / "cache"
    with open_store(cache) as store:
        obtain(store)
        store.link_images(KEYS, tmp_path / "first")
        for key in KEYS:
            os.utime(store.path(key), (LONG_AGO, LONG_AGO))
    for memo in cache.glob("caption_curation/*.sqlite"):
        memo.unlink()
    return cache


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files whose content was read."""
    paths: list[Path] = []

    def recorded(read: Callable[..., object], of: int) -> Callable[..., object]:
        def reading(*arguments: object) -> object:
            paths.append(Path(str(arguments[of])))
            return read(*arguments)

        return reading

    monkeypatch.setattr(checks, "_check", recorded(checks._check, 1))
    monkeypatch.setattr(digest_memo, "_hash", recorded(digest_memo._hash, 0))
    return paths


def obtain(store: ImageStore) -> Counts:
    return store.obtain(RECIPE, requests_for(range(6)), noise_images, BATCH_SIZE)


def nothing_to_generate(batch: Sequence[ImageRequest]) -> NoReturn:
    raise AssertionError(f"asked to generate {batch}")


def replace(path: Path, content: bytes) -> None:
    """As a wrong copy or a bad restore does: another file under the name."""
    path.unlink()
    path.write_bytes(content)
    path.chmod(0o444)


def another_key(path: Path, other: Path) -> None:
    replace(path, other.read_bytes())


def other_tables(path: Path, _: Path) -> None:
    content = bytearray(path.read_bytes())
    first_table = content.index(b"\xff\xc4") + 5  # Huffman codes by length, of at most 16 bits
    content[first_table : first_table + 16] = bytes(15) + b"\x01"
    replace(path, bytes(content))


def other_size(path: Path, _: Path) -> None:
    with Image.open(path) as image:
        resized, comment = image.resize((8, 8)), image.info["comment"]
    path.unlink()
    resized.save(path, comment=comment)


def zeros(path: Path, _: Path) -> None:
    replace(path, b"\xff\xd8" + bytes(300) + b"\xff\xd9")


@pytest.mark.parametrize("damage", [another_key, other_tables, other_size, zeros])
def test_a_file_that_is_not_the_image_of_its_key_is_made_anew(
    damage: Callable[[Path, Path], None],
    cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with open_store(cache) as store:
        damaged = store.path(KEYS[3])
        right = damaged.read_bytes()
        damage(damaged, store.path(KEYS[1]))
        assert damaged.read_bytes() != right
        assert obtain(store) == Counts(1, 5, 0)
        assert damaged.read_bytes() == right
        digests = store.link_images(KEYS, tmp_path / "output")
    assert digests[KEYS[3]] == hashlib.md5(right).hexdigest()
    assert (tmp_path / "output" / f"{KEYS[3]}.jpg").read_bytes() == right
    assert f"  {damaged}: " in capsys.readouterr().out


def test_it_is_left_to_the_process_that_is_making_it_anew(cache: Path) -> None:
    with open_store(cache) as store:
        damaged = store.path(KEYS[3])
        right = damaged.read_bytes()
        another_key(damaged, store.path(KEYS[1]))
        claim = ImageStore(cache).claims.claim(KEYS[3])
        assert claim
        store._remove([KEYS[3]])
        assert damaged.exists()
        replace(damaged, right)
        claim.close()
        store._remove([KEYS[3]])  # it is good by now
        assert damaged.read_bytes() == right


def test_each_image_is_read_once(cache: Path, tmp_path: Path, reads: list[Path]) -> None:
    with open_store(cache) as store:
        files = [store.path(key) for key in KEYS]
        assert obtain(store) == Counts(0, 6, 0)
        assert sorted(reads) == sorted(files)
        before = store.link_images(KEYS, tmp_path / "second")
    with open_store(cache) as store:
        counts = store.obtain(RECIPE, requests_for(range(6)), nothing_to_generate, BATCH_SIZE)
        assert counts == Counts(0, 6, 0)
        assert store.link_images(KEYS, tmp_path / "third") == before
        assert len(reads) == 6
        os.utime(files[2], (LONG_AGO + 1, LONG_AGO + 1))
        obtain(store)
        assert reads[6:] == [files[2]]
    assert before == {
        key: hashlib.md5(file.read_bytes()).hexdigest()
        for key, file in zip(KEYS, files, strict=True)
    }


def test_new_images_are_not_read_at_all(
    tmp_path: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest_memo, "TICK", -(10**12))  # so that they are old enough
    with open_store(tmp_path / "cache") as store:
        assert obtain(store) == Counts(6, 0, 0)
        digests = store.link_images(KEYS, tmp_path / "output")
        assert reads == []
        for key in KEYS:
            assert digests[key] == hashlib.md5(store.path(key).read_bytes()).hexdigest()


def test_a_file_that_is_damaged_before_it_is_linked_is_named(cache: Path, tmp_path: Path) -> None:
    with open_store(cache) as store:
        obtain(store)
        another_key(store.path(KEYS[3]), store.path(KEYS[1]))
        with pytest.raises(InputError, match=f"{KEYS[3]}.jpg: its content belongs to another key"):
            store.link_images(KEYS, tmp_path / "output")


def test_a_damaged_object_of_dvcs_cache_is_repaired(cache: Path, tmp_path: Path) -> None:
    """Its size alone does not tell."""
    with open_store(cache) as store:
        content = store.path(KEYS[0]).read_bytes()
        digest = hashlib.md5(content).hexdigest()
        damaged = cache / "files" / "md5" / digest[:2] / digest[2:]
        assert damaged.samefile(store.path(KEYS[0]))
        replace(damaged, bytes(len(content)))
        store.link_images(KEYS, tmp_path / "output")
        assert damaged.samefile(store.path(KEYS[0]))


def test_an_object_that_is_another_file_is_read_once(
    cache: Path, tmp_path: Path, reads: list[Path]
) -> None:
    with open_store(cache) as store:
        obtain(store)
        content = store.path(KEYS[0]).read_bytes()
        digest = hashlib.md5(content).hexdigest()
        copy = cache / "files" / "md5" / digest[:2] / digest[2:]
        copy.unlink()
        shutil.copyfile(store.path(KEYS[0]), copy)
        os.utime(copy, (LONG_AGO, LONG_AGO))
        reads.clear()
        for name in ("output", "another"):
            store.link_images(KEYS, tmp_path / name)
        assert reads == [copy]
        assert not copy.samefile(store.path(KEYS[0]))

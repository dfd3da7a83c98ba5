"""A file is hashed once, unless it changes; and whatever happens to the memo, digests are right."""

import hashlib
import multiprocessing
import os
import sqlite3
from pathlib import Path

import pytest

from caption_curation.support import digest_memo
from caption_curation.support.digest_memo import DigestMemo

LONG_AGO = 1_700_000_000_123_456_789  # nanoseconds


def write(path: Path, content: bytes, time: int = LONG_AGO) -> Path:
    path.write_bytes(content)
    os.utime(path, ns=(time, time))
    return path


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were read to be hashed."""
    paths: list[Path] = []
    original = digest_memo._hash

    def recorded(path: Path, algorithm: digest_memo.Algorithm) -> bytes:
        paths.append(path)
        return original(path, algorithm)

    monkeypatch.setattr(digest_memo, "_hash", recorded)
    return paths


def test_a_file_is_read_once_under_all_its_names(tmp_path: Path, reads: list[Path]) -> None:
    file = write(tmp_path / "image.jpg", b"image")
    hard, soft = tmp_path / "hard.jpg", tmp_path / "soft.jpg"
    os.link(file, hard)
    soft.symlink_to(file)
    other = write(tmp_path / "other.jpg", b"other")
    memo = DigestMemo(tmp_path / "cache")
    assert memo.digests([file, other, hard], "md5") == [md5(b"image"), md5(b"other"), md5(b"image")]
    assert DigestMemo(tmp_path / "cache").digests([soft, hard, other], "md5") == [
        md5(b"image"),
        md5(b"image"),
        md5(b"other"),
    ]
    assert reads == [file, other]
    assert memo.digest(file, "sha256") == hashlib.sha256(b"image").hexdigest()


def test_a_changed_file_is_read_again(tmp_path: Path, reads: list[Path]) -> None:
    file = write(tmp_path / "weights", b"0000")
    memo = DigestMemo(tmp_path / "cache")
    memo.digest(file, "md5")
    write(file, b"1111", LONG_AGO + 1)  # of the same size, one nanosecond later
    assert memo.digest(file, "md5") == md5(b"1111")
    write(file, b"22222", LONG_AGO + 1)  # of another size at the same time
    assert memo.digest(file, "md5") == md5(b"22222")
    replacement = write(tmp_path / "replacement", b"33333", LONG_AGO + 1)
    replacement.replace(file)  # another file of the same size and time
    assert memo.digest(file, "md5") == md5(b"33333")
    assert len(reads) == 4


def test_a_file_written_a_moment_ago_is_not_remembered(tmp_path: Path, reads: list[Path]) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"0000")
    memo = DigestMemo(tmp_path / "cache")
    for _ in range(2):
        assert memo.digest(file, "md5") == md5(b"0000")
    assert len(reads) == 2


def test_a_damaged_memo_is_begun_anew(tmp_path: Path, reads: list[Path]) -> None:
    files = [write(tmp_path / f"{number}", bytes([number])) for number in range(200)]
    expected = [md5(bytes([number])) for number in range(200)]
    memo = DigestMemo(tmp_path / "cache")
    memo.digests(files, "md5")
    whole = memo.path.read_bytes()
    assert memo.digests(files, "md5") == expected
    assert len(reads) == 200
    for damage in (
        b"not a database",
        b"",
        whole[: len(whole) // 2],
        whole[:5000] + b"\0" * 3000 + whole[8000:],
        whole[:4096] + whole[4096:].replace(b"\0", b"\1"),
    ):
        memo.path.write_bytes(damage)
        for _ in range(3):
            assert memo.digests(files, "md5") == expected
        reads.clear()
        assert memo.digests(files, "md5") == expected
        assert not reads, "it remembers again"


def test_a_digest_that_rotted_in_the_memo_is_not_believed(tmp_path: Path) -> None:
    file = write(tmp_path / "weights", b"0000")
    memo = DigestMemo(tmp_path / "cache")
    memo.digest(file, "md5")
    with sqlite3.connect(memo.path) as table:
        rotten = bytearray(table.execute("SELECT digest FROM digests").fetchone()[0])
        rotten[3] ^= 1
        table.execute("UPDATE digests SET digest = ?", (bytes(rotten),))
    assert memo.digest(file, "md5") == md5(b"0000")


def test_without_room_for_a_memo_files_are_hashed(tmp_path: Path) -> None:
    file = write(tmp_path / "weights", b"0000")
    (tmp_path / "cache").write_text("a file where the folder of the memo would be")
    assert DigestMemo(tmp_path / "cache").digest(file, "md5") == md5(b"0000")
    folder = tmp_path / "other" / "caption_curation"
    folder.mkdir(parents=True)
    (folder / "digests.sqlite").mkdir()
    assert DigestMemo(tmp_path / "other").digest(file, "md5") == md5(b"0000")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        DigestMemo(tmp_path).digest(tmp_path / "nowhere", "md5")


def test_files_added_first_are_forgotten_first(
    tmp_path: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest_memo, "FILES", 3)
    files = [write(tmp_path / f"{number}", bytes([number])) for number in range(5)]
    memo = DigestMemo(tmp_path / "cache")
    for file in files:
        memo.digest(file, "md5")
    with sqlite3.connect(memo.path) as table:
        assert table.execute("SELECT count(*) FROM digests").fetchone() == (3,)
    reads.clear()
    memo.digests(files[::-1], "md5")
    assert reads == [files[1], files[0]]


def _look_up(folder: Path, first: int) -> list[str]:
    files = [folder / f"{number}" for number in range(300)]
    memo = DigestMemo(folder / "cache")
    return [memo.digest(file, "md5") for file in files[first:] + files[:first]]


def test_several_processes_add_to_one_memo(tmp_path: Path, reads: list[Path]) -> None:
    for number in range(300):
        write(tmp_path / f"{number}", b"%d" % number)
    expected = [md5(b"%d" % number) for number in range(300)]
    starts = (0, 100, 200)
    with multiprocessing.get_context("fork").Pool(3) as pool:
        found = pool.starmap(_look_up, [(tmp_path, start) for start in starts])
    for start, digests in zip(starts, found, strict=True):
        assert digests == expected[start:] + expected[:start]
    assert (
        DigestMemo(tmp_path / "cache").digests(
            [tmp_path / f"{number}" for number in range(300)], "md5"
        )
        == expected
    )
    assert not reads


def test_what_a_caller_has_found_of_files_is_remembered(tmp_path: Path, reads: list[Path]) -> None:
    file, other = write(tmp_path / "a.jpg", b"a"), write(tmp_path / "b.jpg", b"b")
    memo = DigestMemo(tmp_path / "cache")
    memo.remember([(file, file.stat(), "ab" * 32)], "image key")
    absent = tmp_path / "absent.jpg"
    assert memo.known([other, file, absent], "image key") == [None, "ab" * 32, None]
    assert memo.known([file], "md5") == [None]
    memo.remember([(other, other.stat(), "00" * 16)], "md5")
    assert memo.digests([file, other], "md5") == [md5(b"a"), "00" * 16]
    assert memo.known([file], "md5") == [md5(b"a")]
    assert reads == [file]


def test_what_has_changed_since_or_is_too_young_is_not(tmp_path: Path) -> None:
    file, young = write(tmp_path / "a.jpg", b"a"), tmp_path / "young.jpg"
    young.write_bytes(b"young")
    before = file.stat()
    write(file, b"b", LONG_AGO + 1)
    memo = DigestMemo(tmp_path / "cache")
    memo.remember([(file, before, "ab" * 32), (young, young.stat(), "ab" * 32)], "image key")
    write(file, b"a", LONG_AGO + 1)
    assert memo.known([file, young], "image key") == [None, None]

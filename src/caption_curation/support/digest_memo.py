"""Digests of files, remembered: a file that nobody has touched since is not read again.

A file is known by its device, inode, size and time of modification, and not by its name: hard links
to one file, in the image store, in DVC's cache and in a stage's output, share one digest.

The memo only saves time. Where it cannot be read or written (damaged, locked, on a full or
read-only disk), files are hashed as if there were none, and a damaged one is begun anew.
"""

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Literal

Algorithm = Literal["md5", "sha256"]

FILES = 2_000_000  # that are remembered; those added first are forgotten first. About 120 MB
TOGETHER = 500  # files looked up, and then added, at a time
WAIT = 10  # seconds for another process to finish its addition
# A file written to twice within one tick of the file system's clock has the same time both times.
# What is as young as that is hashed, but not remembered.
TICK = 100_000_000  # nanoseconds
CHECK = 4  # bytes beside each digest that tell whether it is damaged

_TABLE = "CREATE TABLE IF NOT EXISTS digests (file BLOB UNIQUE, digest BLOB)"


class DigestMemo:
    """Digests of files, remembered in one file that any number of processes may use at once."""

    def __init__(self, dvc_cache: Path) -> None:
        """The memo beside the objects of a DVC cache, whose folder it is given."""
        self.path = dvc_cache / "caption_curation" / "digests.sqlite"

    def digest(self, path: Path, algorithm: Algorithm) -> str:
        """The digest of a file's content in hexadecimal digits; see :meth:`digests`."""
        return self.digests([path], algorithm)[0]

    def digests(self, paths: Iterable[Path], algorithm: Algorithm) -> list[str]:
        """The digests of files' contents in hexadecimal digits, in order.

        Args:
            paths: of files; a link stands for the file that it leads to.
            algorithm: ``md5``, as DVC's, or ``sha256``.

        Raises:
            OSError: a file is not there, or cannot be read.
        """
        files = list(paths)
        batches = [files[start : start + TOGETHER] for start in range(0, len(files), TOGETHER)]
        return [digest for some in batches for digest in self._digests_of_some(some, algorithm)]

    def known(self, paths: Iterable[Path], kind: str) -> list[str | None]:
        """What is remembered of files as they are now, in order; ``None`` where there is nothing.

        Args:
            paths: of files, which need not be there.
            kind: which of a file's digests: an algorithm, or the name of what was remembered.
        """
        files = [_file_or_none(path, kind) for path in paths]
        there = [file for file in files if file]
        known: dict[bytes, bytes] = {}
        for start in range(0, len(there), TOGETHER):
            known |= self._read(there[start : start + TOGETHER])
        return [known[file].hex() if file and file in known else None for file in files]

    def remember(self, found: Iterable[tuple[Path, os.stat_result, str]], kind: str) -> None:
        """Remember what a caller has found of files, unless they have changed meanwhile.

        Args:
            found: a file, its status before it was read or after it was written, and the digest in
                hexadecimal digits.
            kind: under which :meth:`known` finds it.
        """
        new: dict[bytes, bytes] = {}
        for path, status, digest in found:
            file = _file(status, kind)
            if _file_or_none(path, kind) == file and _is_past(status):
                new[file] = bytes.fromhex(digest)
        if new:
            self._write(new)

    def _digests_of_some(self, paths: Sequence[Path], algorithm: Algorithm) -> list[str]:
        files = [_file(path.stat(), algorithm) for path in paths]
        known = self._read(files)
        new: dict[bytes, bytes] = {}
        for path, file in zip(paths, files, strict=True):
            if file not in known:
                known[file] = _hash(path, algorithm)
                now = path.stat()
                if _file(now, algorithm) == file and _is_past(now):
                    new[file] = known[file]
        if new:
            self._write(new)
        return [known[file].hex() for file in files]

    def _read(self, files: Sequence[bytes]) -> dict[bytes, bytes]:
        """What is remembered of files, without what is damaged."""
        if not self.path.exists():
            return {}
        query = f"SELECT file, digest FROM digests WHERE file IN ({', '.join('?' * len(files))})"
        try:
            with closing(sqlite3.connect(self.path, timeout=WAIT)) as memo:
                rows = memo.execute(query, files).fetchall()
        except sqlite3.Error as error:
            self._remove_if_damaged(error)
            return {}
        return {
            file: row[:-CHECK]
            for file, row in rows
            if isinstance(row, bytes) and row[-CHECK:] == _check(file, row[:-CHECK])
        }

    def _write(self, new: Mapping[bytes, bytes]) -> None:
        rows = [(file, digest + _check(file, digest)) for file, digest in new.items()]
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=WAIT)) as memo, memo:
                # Not to wait for the disk: after a power failure, the memo may begin anew.
                memo.execute("PRAGMA synchronous = OFF")
                memo.execute(_TABLE)
                memo.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?)", rows)
                memo.execute(
                    "DELETE FROM digests WHERE rowid <= (SELECT max(rowid) FROM digests) - ?",
                    (FILES,),
                )
        except (OSError, sqlite3.Error) as error:
            self._remove_if_damaged(error)

    def _remove_if_damaged(self, error: Exception) -> None:
        # Its subclass OperationalError is of what may pass: locks, rights, a full disk.
        if type(error) is sqlite3.DatabaseError:
            for path in (self.path, self.path.with_name(f"{self.path.name}-journal")):
                with suppress(OSError):
                    path.unlink()


def _file(stat: os.stat_result, kind: str) -> bytes:
    """What a file and its content are known by."""
    facts = (kind, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)
    return hashlib.blake2b(repr(facts).encode(), digest_size=16).digest()


def _file_or_none(path: Path, kind: str) -> bytes | None:
    try:
        return _file(path.stat(), kind)
    except OSError:
        return None


def _is_past(stat: os.stat_result) -> bool:
    """Whether a file that is written to from now on will have another time."""
    return time.time_ns() - stat.st_mtime_ns > TICK


def _check(file: bytes, digest: bytes) -> bytes:
    return hashlib.blake2b(file + digest, digest_size=CHECK).digest()


def _hash(path: Path, algorithm: Algorithm) -> bytes:
    with path.open("rb") as content:
        return hashlib.file_digest(content, algorithm).digest()

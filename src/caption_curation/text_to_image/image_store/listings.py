"""Which synthetic images DVC's cache names, remembered: a directory's list is read only once.

DVC keeps the list of every directory that any experiment has written. Reading them all whenever an
image is missing would take a time that grows with the square of the number of experiments.
"""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from pathlib import Path

from caption_curation.text_to_image.image_store.dvc_images import (
    images_in_dvc_cache,
    images_in_listing,
    listings_in_dvc_cache,
    object_of,
)

TOGETHER = 500  # keys looked up at a time
WAIT = 60  # seconds for another process to read a list
# A list is read again if its file has changed: DVC may have mended it.
_TABLES = """
CREATE TABLE IF NOT EXISTS listings
    (name BLOB PRIMARY KEY, size INTEGER, time INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS images
    (key BLOB, listing BLOB, object BLOB, PRIMARY KEY (key, listing, object)) WITHOUT ROWID;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -100000;
"""  # not to wait for the disk: after a power failure, it may begin anew; and 100 MB of memory


class Listings:
    """The images that DVC's lists name, by key.

    What is remembered only saves time: where it cannot be written, all lists are read as if there
    were none, and a damaged file is begun anew.
    """

    def __init__(self, dvc_cache: Path) -> None:
        self.dvc_cache = dvc_cache
        self.path = dvc_cache / "caption_curation" / "listings.sqlite"

    def objects_of(self, keys: Collection[str]) -> Iterator[tuple[str, Path]]:
        """(key, object file) of every listed image of these keys.

        As in :func:`.images_in_dvc_cache`, a file may be absent, and a key may come up several
        times; those of one key are in the order of the MD5 of the lists.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=WAIT, isolation_level=None)) as known:
                self._read_new_listings(known)
                found = _look_up(known, list(keys))
        except (OSError, sqlite3.Error) as error:
            # Its subclass OperationalError is of what may pass: locks, rights, a full disk.
            if type(error) is sqlite3.DatabaseError:
                for path in (self.path, self.path.with_name(f"{self.path.name}-journal")):
                    with suppress(OSError):
                        path.unlink()
            wanted = set(keys)
            yield from (pair for pair in images_in_dvc_cache(self.dvc_cache) if pair[0] in wanted)
            return
        for key, digest in found:
            yield key, object_of(self.dvc_cache, digest)

    def _read_new_listings(self, known: sqlite3.Connection) -> None:
        known.executescript(_TABLES)
        files = listings_in_dvc_cache(self.dvc_cache)
        there = {bytes.fromhex(name): _state(path) for name, path in files.items()}
        read = {
            name: (size, time)
            for name, size, time in known.execute("SELECT name, size, time FROM listings")
        }
        for name, path in files.items():
            listing = bytes.fromhex(name)
            if read.get(listing) != there[listing]:
                _read(known, listing, path)
        if gone := read.keys() - there.keys():
            known.execute("BEGIN IMMEDIATE")
            known.executemany("DELETE FROM listings WHERE name = ?", [(name,) for name in gone])
            known.execute("DELETE FROM images WHERE listing NOT IN (SELECT name FROM listings)")
            known.execute("COMMIT")


def _read(known: sqlite3.Connection, listing: bytes, path: Path) -> None:
    """Remember the images of a list, unless another process has meanwhile."""
    known.execute("BEGIN IMMEDIATE")  # an error ends it with the connection
    state = _state(path)
    query = "SELECT size, time FROM listings WHERE name = ?"
    before = known.execute(query, (listing,)).fetchone()
    if before != state:
        if before:
            known.execute("DELETE FROM images WHERE listing = ?", (listing,))
        rows = sorted(
            (bytes.fromhex(key), listing, bytes.fromhex(digest))
            for key, digest in images_in_listing(path)
        )
        known.executemany("INSERT OR IGNORE INTO images VALUES (?, ?, ?)", rows)
        known.execute("INSERT OR REPLACE INTO listings VALUES (?, ?, ?)", (listing, *state))
    known.execute("COMMIT")


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _look_up(known: sqlite3.Connection, keys: list[str]) -> list[tuple[str, str]]:
    """(key, MD5) of the images that are listed."""
    found = []
    for start in range(0, len(keys), TOGETHER):
        some = [bytes.fromhex(key) for key in keys[start : start + TOGETHER]]
        marks = ", ".join("?" * len(some))
        query = f"SELECT key, object FROM images WHERE key IN ({marks}) ORDER BY key, listing"
        found += [(key.hex(), digest.hex()) for key, digest in known.execute(query, some)]
    return found

"""Claims between processes: whoever holds the lock of a key is the one who works on that key.

The kernel releases a lock when its process ends, however it ends, so no claim outlives a killed
process.

Not filelock, which does much the same: where ``flock`` is missing, it falls back to a lock that two
processes can hold at once. Here that is an error.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

SLOT_DIGITS = 3  # of a key, so that there are 4,096 slots


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that this process alone may work on."""

    key: str
    claims: "Claims"

    def close(self) -> None:
        """Let others have the key."""
        self.claims.release(self.key)


@dataclass
class _Slot:
    descriptor: int
    keys: set[str] = field(default_factory=set)


class Claims:
    """Claims on many keys, such as digests, whose first digits are evenly spread.

    Keys share lock files by their first digits, and the files stay: to make and remove one for each
    key took a third of the CPU time that it took to store a small image, as ext4 passes over inodes
    that were just freed. A process may hold any number of keys of a slot; another one then has to
    wait for all of them, though it wants another key.
    """

    def __init__(self, folder: Path) -> None:
        """Args:
        folder: of the lock files.
        """
        self._folder = folder
        self._slots: dict[str, _Slot] = {}
        self._lock = Lock()

    def claim(self, key: str) -> Claim | None:
        """Claim a key; ``None`` if this object has it, or another process one of its slot."""
        with self._lock:
            slot = self._slots.get(_slot_of(key))
            if slot is None:
                descriptor = _lock_file(self._file(key), fcntl.LOCK_EX | fcntl.LOCK_NB)
                if descriptor is None:
                    return None
                slot = self._slots[_slot_of(key)] = _Slot(descriptor)
            if key in slot.keys:
                return None
            slot.keys.add(key)
        return Claim(key, self)

    def wait_until_free(self, key: str) -> None:
        """Block while another process holds a key's slot; this one must hold none of it."""
        descriptor = _lock_file(self._file(key), fcntl.LOCK_EX)
        if descriptor is not None:
            os.close(descriptor)

    def release(self, key: str) -> None:
        """End the claim to a key."""
        with self._lock:
            slot = self._slots[_slot_of(key)]
            slot.keys.remove(key)
            if not slot.keys:
                os.close(self._slots.pop(_slot_of(key)).descriptor)

    def _file(self, key: str) -> Path:
        return self._folder / f"{_slot_of(key)}.lock"


@contextmanager
def sole_claim(path: Path) -> Iterator[bool]:
    """Whether this process is the one that holds a lock file, which it removes at the end."""
    descriptor = _lock_new_file(path)
    if descriptor is None:
        yield False
        return
    try:
        yield True
    finally:
        path.unlink(missing_ok=True)  # before it is unlocked: nobody can lock what is about to go
        os.close(descriptor)


def _lock_new_file(path: Path) -> int | None:
    while True:
        descriptor = _lock_file(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if descriptor is None:
            return None
        # The previous holder may have removed the file after we opened it and before we locked it;
        # then we hold a file that nobody else can find, which is no claim.
        try:
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)


def _lock_file(path: Path, operation: int) -> int | None:
    """The descriptor of a locked file; ``None`` if another process has it at the moment."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _slot_of(key: str) -> str:
    return key[:SLOT_DIGITS]

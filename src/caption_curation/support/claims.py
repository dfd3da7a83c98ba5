"""Claims between processes: whoever holds a key's lock file is the one who works on that key.

The kernel releases a lock when its process ends, however it ends, so no claim outlives a killed
process; at most its empty file stays behind, which the next claim of the key reuses and removes.

Not filelock, which does much the same: where ``flock`` is missing, it falls back to a lock that two
processes can hold at once. Here that is an error.
"""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Claim:
    """A lock file that this process holds."""

    path: Path
    descriptor: int

    def close(self) -> None:
        """Remove the lock file, then unlock, so that nobody can lock a file that is about to go."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


def try_claim(path: Path) -> Claim | None:
    """Claim the lock file; ``None`` if another process holds it at the moment."""
    return _claim(path, fcntl.LOCK_EX | fcntl.LOCK_NB)


def wait_until_free(path: Path) -> None:
    """Block until nobody holds the lock file. Hold no claim meanwhile, to avoid a deadlock."""
    claim = _claim(path, fcntl.LOCK_EX)
    if claim:
        claim.close()


def _claim(path: Path, operation: int) -> Claim | None:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, operation)
            # The previous holder may have removed the file after we opened it and before we locked
            # it; then we hold a file that nobody else can find, which is no claim.
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return Claim(path, descriptor)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)

"""Claims between processes: whoever holds the lock file of a key is the one who works on it.

The kernel releases a lock when its process ends, however it ends, so no claim outlives a killed
process; at most its empty file stays behind, which the next claim of the key reuses and removes.
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
        """Remove the lock file, then unlock: nobody can lock a file that is about to go."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


def try_claim(path: Path) -> Claim | None:
    """Claim the lock file; ``None`` if another holder has it at this moment."""
    return _claim(path, fcntl.LOCK_EX | fcntl.LOCK_NB)


def wait_until_free(path: Path) -> None:
    """Sleep until nobody holds the lock file. Hold no claim meanwhile, or two may wait forever."""
    claim = _claim(path, fcntl.LOCK_EX)
    if claim:
        claim.close()


def _claim(path: Path, operation: int) -> Claim | None:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, operation)
            # The former holder may have removed the file between our opening and locking it; then
            # we hold a file that nobody else can find, which is no claim.
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

"""Where a stage keeps what it has finished, so that a kill costs minutes: beside DVC's cache.

DVC empties a stage's outputs before it runs, so nothing that is half done can lie there. Every
piece of work has a folder of its own, called by what determines its result, so that no other goes
on from it. The folder goes when the work is whole; a kill leaves it, and the next run of the same
work goes on from it.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from caption_curation.support.claims import sole_claim

FOLDER = Path("caption_curation") / "checkpoints"  # in DVC's cache folder
ABANDONED = 30  # days after which nobody is expected to take up a killed stage again
_DAY = 24 * 60 * 60.0  # seconds


@contextmanager
def unfinished_work(dvc_cache: Path, name: str) -> Iterator[Path | None]:
    """The folder of a piece of work; it goes when the block ends, and stays if the block raises.

    It need not exist: whoever saves something makes it. Meanwhile no other process has it.

    Args:
        dvc_cache: DVC's cache folder.
        name: of the work; the same for the same result, and for no other.

    Yields:
        The folder; ``None`` if another process has it, which does the same work now.
    """
    folder = dvc_cache / FOLDER / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_unfinished(dvc_cache, ABANDONED)
    with sole_claim(_claim_file(folder)) as is_ours:
        if not is_ours:
            yield None
            return
        yield folder
        shutil.rmtree(folder, ignore_errors=True)  # the result is there, whatever of this stays


def unfinished(dvc_cache: Path, days: float = 0) -> list[Path]:
    """The folders of work that is not finished, where nothing was saved for so many days.

    A running stage's may be among them.
    """
    latest = time.time() - days * _DAY
    return [
        folder
        for folder in sorted((dvc_cache / FOLDER).glob("*/"))
        if folder.stat().st_mtime <= latest
    ]


def remove_unfinished(dvc_cache: Path, days: float = 0) -> int:
    """Remove the folders of :func:`unfinished` that no running stage has; returns their number."""
    removed = 0
    for folder in unfinished(dvc_cache, days):
        with sole_claim(_claim_file(folder)) as is_ours:
            if is_ours:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed


def bytes_of(folder: Path) -> int:
    """What the files of a folder take."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _claim_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")

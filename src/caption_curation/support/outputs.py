"""Outputs that are complete or absent: written under a temporary name, then renamed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """An empty folder beside ``target`` that replaces it at the end, unless the block raises."""
    partial = _partial(target)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial)
        raise
    if target.exists():
        shutil.rmtree(target)
    partial.replace(target)


def write_atomically(target: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8 with its own line ends; its folder is created if necessary."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(target)
    partial.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(partial, target)


def link_or_copy(source: Path, target: Path) -> bool:
    """Hard-link a file if possible, otherwise copy it; whether it is a link.

    Links to another file system are impossible, and often those to a file of another owner.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        shutil.copyfile(source, target)
        return False
    return True


def _partial(target: Path) -> Path:
    return target.with_name(f"{target.name}.partial")

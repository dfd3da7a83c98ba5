"""Outputs that are there whole or not at all: written under another name, then renamed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def built_folder(target: Path) -> Iterator[Path]:
    """An empty folder beside ``target`` that takes its place unless the block raises."""
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


def write_whole(target: Path, content: str | bytes) -> None:
    """Write a file, text in UTF-8 without a change of line ends, in a folder that is made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(target)
    partial.write_bytes(content.encode() if isinstance(content, str) else content)
    os.replace(partial, target)


def link_or_copy(source: Path, target: Path) -> None:
    """A hard link to a file where that can be made, otherwise a copy.

    It cannot be made to another file system, and often not to a file of another owner.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def _partial(target: Path) -> Path:
    return target.with_name(f"{target.name}.partial")

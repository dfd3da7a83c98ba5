"""Lists of image files with the digest of each: what a stage that shows images depends on.

One line an image, ``{"file", "md5"}``, in the order of what is listed. ``file`` is relative to the
project; ``md5`` is that of the file's bytes. An image with another content changes its line, so
that a list of some megabytes stands for a folder of a hundred thousand files, which DVC would
otherwise go through for every stage that reads one of them.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from sys import intern

from caption_curation.samples import iterate_json_lines, read_json_lines, write_json_lines
from caption_curation.support.errors import InputError, list_faults


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file, relative to the project, and the MD5 of its bytes in hexadecimal digits."""

    file: str
    md5: str


def digest_of(content: bytes) -> str:
    """The MD5 of an image file's bytes, the digest that DVC has of it too."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def index_of(corpus: Path, split: str) -> Path:
    """The list of a corpus's images of one split, in the order of ``SPLIT.jsonl``."""
    return corpus / f"{split}_images.jsonl"


def write_index(path: Path, images: Iterable[ImageFile]) -> None:
    """Write a list of image files, atomically."""
    write_json_lines(path, images)


def read_index(path: Path) -> list[ImageFile]:
    """The image files of a list, whether or not they are there."""
    return [ImageFile(record["file"], record["md5"]) for record in read_json_lines(path)]


def read_digests(path: Path) -> dict[str, str]:
    """The MD5 of each image file of a list."""
    return {intern(record["file"]): record["md5"] for record in iterate_json_lines(path)}


def split_files(corpus: Path, split: str) -> list[Path]:
    """The image files of a corpus's split, in the order of ``SPLIT.jsonl``; all of them exist.

    Raises:
        InputError: as :func:`present_files`.
    """
    return present_files(Path(image.file) for image in read_index(index_of(corpus, split)))


def present_files(files: Iterable[Path]) -> list[Path]:
    """The files, all of which exist.

    Every reader of images asks this before its work: after ``dvc pull --allow-missing``, or in a
    clone that has only some outputs, a list may name files that are not there.

    Args:
        files: relative to the project.

    Raises:
        InputError: naming those that do not exist, and the command that fetches them.
    """
    wanted = list(files)
    missing = [file for file in wanted if not file.is_file()]
    if missing:
        raise InputError(_missing_message(list(dict.fromkeys(missing))))
    return wanted


def _missing_message(files: Sequence[Path]) -> str:
    folders = " ".join(sorted({file.parent.as_posix() for file in files}))
    heading = f"images that are not there; `dvc pull {folders}` fetches them"
    return list_faults(heading, [file.as_posix() for file in files])

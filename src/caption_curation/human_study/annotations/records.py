"""What annotators marked, as JSON Lines: one file per annotator, one line per image.

An image that is annotated again gets another line, which supersedes the earlier one; nothing is
ever overwritten. A line is written in one piece, under a lock, and is on disk when :func:`append`
returns, so that nothing is lost if a server is killed or an annotator has two pages open.
"""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from caption_curation.human_study.annotations.categories import CATEGORY_IDS, CATEGORY_VERSION
from caption_curation.support.errors import InputError
from caption_curation.support.outputs import write_atomically
from caption_curation.support.reading import parse_json
from caption_curation.support.rows import Row, Text, check

DAMAGED = ".damaged"  # is appended to the name of an annotation file
CODE = re.compile("[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one annotator says about one image of a set.

    Attributes:
        set: number of the set, from 1.
        image_id: of an image of the set.
        annotator: the annotator's code, see :func:`check_code`.
        categories: ids of the errors that were marked.
        no_error: whether the annotator said that there is none; then ``categories`` is empty.
        comment: free text.
        category_version: of the list that ``categories`` are from.
        shown_at: when the image was first shown, ISO 8601 in UTC.
        saved_at: when this was saved, ISO 8601 in UTC.

    Raises:
        InputError: a value is not as described; the message lists all that are not.
    """

    set: int
    image_id: str
    annotator: str
    categories: tuple[str, ...]
    no_error: bool
    comment: str
    category_version: str
    shown_at: str
    saved_at: str

    def __post_init__(self) -> None:
        _check_line({field.name: getattr(self, field.name) for field in fields(self)})


def check_code(code: str) -> str:
    """The annotator's code, if it is a valid one: a name in files and logs that identifies nobody.

    Raises:
        InputError: it is not.
    """
    if not CODE.fullmatch(code):
        raise InputError(
            f"annotator code {code!r}: 1 to 32 letters (a to z), digits, - and _ are allowed"
        )
    return code


def append(path: Path, annotation: Annotation) -> None:
    """Add a line to the annotator's file, which is created if necessary.

    If another program was stopped in the middle of a line, that line is ended first, so that it
    does not spoil this one.

    Raises:
        OSError: the line could not be written, for instance because the disk is full.
    """
    line = json.dumps(asdict(annotation), ensure_ascii=False).encode() + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        with _locked(descriptor, fcntl.LOCK_EX):
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line
            written = os.write(descriptor, line)
            os.fsync(descriptor)
            if written != len(line):
                raise OSError(f"{path}: only {written} of {len(line)} bytes could be written")
    finally:
        os.close(descriptor)


def read(path: Path) -> tuple[list[Annotation], list[str]]:
    """The annotations of a file, the latest one of each image, and what is wrong with the file.

    Lines that cannot be read are copied to a file of the same name with ``.damaged`` appended; the
    others are used. The annotation file itself stays as it is.

    Args:
        path: an annotator's file; if it does not exist, nothing has been annotated yet.

    Returns:
        Annotations in the order in which the images were first annotated, and a message for every
        line that was not used.
    """
    try:
        content = _content(path)
    except FileNotFoundError:
        return [], []
    annotations: dict[tuple[int, str], Annotation] = {}
    damaged: list[bytes] = []
    problems: list[str] = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            annotation = _annotation_of(line)
        except ValueError as error:  # InputError is one
            damaged.append(line)
            problems.append(
                f"{path}, line {number}: not used, set aside in {path.name}{DAMAGED} ({error})"
            )
        else:
            annotations[annotation.set, annotation.image_id] = annotation
    if damaged:
        _set_aside(path, b"\n".join(damaged) + b"\n")
    return list(annotations.values()), problems


def _annotation_of(line: bytes) -> Annotation:
    try:
        record = parse_json(line.decode())
    except ValueError as error:  # InputError and UnicodeDecodeError are
        raise InputError(f"not JSON: {error}") from error
    checked = _check_line(record)
    return Annotation(**dict(checked))


def _code(code: str) -> str:
    if not CODE.fullmatch(code):
        raise PydanticCustomError("code", "must be 1 to 32 letters, digits, - and _")
    return code


def _utc(text: str) -> str:
    try:
        right = datetime.fromisoformat(text).utcoffset() == timedelta(0)
    except ValueError:
        right = False
    if not right:
        raise PydanticCustomError("utc", "must be ISO 8601 in UTC")
    return text


class _Line(Row):
    """What a line holds; the keys are those of :class:`Annotation`."""

    model_config = ConfigDict(extra="forbid")

    set: Annotated[int, Field(ge=1)]
    image_id: Annotated[Text, Field(min_length=1)]
    annotator: Annotated[Text, AfterValidator(_code)]
    categories: tuple[Text, ...] = Field(strict=False)
    no_error: bool
    comment: Text
    category_version: Text
    shown_at: Annotated[Text, AfterValidator(_utc)]
    saved_at: Annotated[Text, AfterValidator(_utc)]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        faults = []
        if self.no_error == bool(self.categories):
            faults.append("no_error must be true if there are no categories, and false otherwise")
        if len({*self.categories}) < len(self.categories):
            faults.append(f"categories = {list(self.categories)}: one occurs twice")
        unknown = [category for category in self.categories if category not in CATEGORY_IDS]
        if unknown and self.category_version == CATEGORY_VERSION:
            faults.append(f"categories = {unknown}: unknown in version {CATEGORY_VERSION}")
        if faults:
            raise ValueError("; ".join(faults))
        return self


def _check_line(record: Any) -> _Line:
    faults: list[str] = []
    line = check(_Line, record, faults)
    if line is None:
        raise InputError("; ".join(faults))
    return line


@contextmanager
def _locked(descriptor: int, operation: int) -> Iterator[None]:
    fcntl.flock(descriptor, operation)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _content(path: Path) -> bytes:
    with path.open("rb") as file, _locked(file.fileno(), fcntl.LOCK_SH):
        return file.read()


def _set_aside(path: Path, lines: bytes) -> None:
    aside = path.with_name(path.name + DAMAGED)
    if aside.exists() and aside.read_bytes() == lines:
        return
    write_atomically(aside, lines)

"""Tables of captions, read row by row: CSV of any dialect, JSON Lines, Parquet.

They are read with the standard library and pyarrow rather than with ``datasets``, which does not
say in which row or line a value is, guesses types (an id 007 becomes 7) and keeps what it has read
in a cache of its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption_curation.corpora.listing import PlacedFaults, Where
from caption_curation.support.errors import InputError
from caption_curation.support.reading import iterate_json_values, read_cells

NUMBERED = 2  # columns before the caption: of the picture, and of the caption's number

Rows = Iterator[tuple[Where, Any]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written: see ``config.corpus_forms.CsvSource``.

    Without quotes, ``caption`` may hold the delimiter where it is the last column.
    """

    delimiter: str
    quote: str | None
    names: Sequence[str] | None
    caption: str


@dataclass
class Repairs:
    """Counts rows that lacked a delimiter."""

    number: int = 0


def files_in(place: Path, endings: Sequence[str], of: str) -> list[Path]:
    """The file at a place, or the files of a folder and of its folders, sorted by name.

    Args:
        place: of a file of any name, or of a folder.
        endings: of the names of a folder's files, such as ``.csv``.
        of: what reads them, for messages.

    Raises:
        InputError: there is no such file or folder, or the folder has no such file.
    """
    if not place.is_dir():
        if not place.is_file():
            raise InputError(f"{place}: no such file or folder")
        return [place]
    found = sorted(
        path
        for path in place.rglob("*")
        if path.name.endswith(tuple(endings))
        and not any(part.startswith(".") for part in path.relative_to(place).parts)
        and path.is_file()
    )
    if not found:
        raise InputError(f"{place}: no file for {of}: {' or '.join(endings)}")
    return found


def name_in(path: Path, place: Path) -> str:
    """A file's name for messages: empty where there is no other."""
    return path.relative_to(place).as_posix() if path != place else ""


def told_by(path: Path, place: Path) -> tuple[str, ...]:
    """The names that may tell a split: of the file and of its folders below the place."""
    return path.relative_to(place).parts if path != place else (path.name,)


def read_csv(
    path: Path,
    name: str,
    dialect: Dialect,
    needed: set[str],
    faults: PlacedFaults,
    repairs: Repairs,
) -> Rows:
    """The rows of a table with a delimiter, as strings by column.

    Args:
        path: of the file.
        name: of the file in messages.
        dialect: how it is written.
        needed: names of columns that must be there.
        faults: gets rows with too many or too few cells.
        repairs: counts those that lacked one and were mended.
    """
    lines = read_cells(
        path,
        dialect.delimiter,
        dialect.quote,
        lambda line, fault: faults.add(Where(name, "line", line), fault),
    )
    line, columns = 1, list(dialect.names or [])
    if not columns:
        line, cells = next(lines, (1, []))
        columns = [cell.strip() for cell in cells]
    if missing := sorted(needed - set(columns)):
        faults.add(Where(name, "line", line), lacking(missing, columns))
        return
    if several := sorted(each for each in needed if columns.count(each) > 1):
        faults.add(Where(name, "line", line), f"several columns {', '.join(map(repr, several))}")
        return
    last = len(columns) - 1
    ends_in_captions = dialect.quote is None and columns[last] == dialect.caption
    for line, found in lines:
        where, cells = Where(name, "line", line), found
        if ends_in_captions and len(cells) > len(columns):
            cells = [*cells[:last], dialect.delimiter.join(cells[last:])]
        elif ends_in_captions and len(cells) == last >= NUMBERED:
            cells = _mended(cells, repairs)
        if len(cells) != len(columns):
            faults.add(where, f"{len(cells)} cells, but {len(columns)} columns")
            continue
        yield where, dict(zip(columns, (cell.strip() for cell in cells), strict=True))


def _mended(cells: list[str], repairs: Repairs) -> list[str]:
    """A row that lacks the delimiter between a number and what follows it, the last cell.

    Flickr30K's ``results.csv`` has one: ``2199200615.jpg| 4   A dog runs across the grass .``
    """
    number, _, text = cells[-1].strip().partition(" ")
    if not (number.isdecimal() and text.strip()):
        return cells
    repairs.number += 1
    return [*cells[:-1], number, text]


def read_json_lines(path: Path, name: str, faults: PlacedFaults) -> Rows:
    """The values of a file of JSON Lines."""
    for line, value in iterate_json_values(
        path, lambda line, fault: faults.add(Where(name, "line", line), fault)
    ):
        yield Where(name, "line", line), value


def lacking(missing: Sequence[str], columns: Sequence[str]) -> str:
    """What to say of columns that are not there, with those that are."""
    names = ", ".join(map(repr, missing))
    return f"no column {names}; there are {', '.join(map(repr, columns))}"

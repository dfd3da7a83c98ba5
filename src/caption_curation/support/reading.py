"""Users' files: text, JSON, JSON Lines and CSV, read whole or refused with all faults by row.

Every fault that a user can mend is an :class:`InputError` that names the file: no such file, a
folder, not UTF-8, cut off, nested too deeply, a key twice, a number of thousands of digits, half a
character, another kind of value. What rows hold is said by models (:mod:`.rows`).
"""

import csv
import io
import json
from collections.abc import Callable, Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.rows import Faults, Shape, Unusable, check, check_row, shown

DIGITS = 100  # of a whole number, at most: more than any id has, and floating point holds it

File = Path | Traversable
One = TypeVar("One")
Other = TypeVar("Other")


def read_both(first: Callable[[], One], second: Callable[[], Other]) -> tuple[One, Other]:
    """What two readers return; if both refuse their files, the faults of both are told.

    Raises:
        InputError: of one of them, or of both.
    """
    try:
        one = first()
    except InputError as error:
        try:
            second()
        except InputError as also:
            raise InputError(f"{error}\n{also}") from also
        raise
    return one, second()


def read_text(path: File) -> str:
    """The text of a file in UTF-8, with or without a byte order mark.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    return _decode(_content(path), path)


def read_json(path: File) -> Any:
    """The JSON value of a file.

    Objects with a key twice and numbers that are too long to be used are :class:`Unusable` in it,
    so that :func:`check` can tell where they are. NaN and infinities are floats: a row refuses them
    where it wants a number.

    Raises:
        InputError: it cannot be read, is not UTF-8, or not JSON.
    """
    text = read_text(path)
    if not text.strip():
        raise InputError(f"{path}: malformed JSON (the file is empty)")
    try:
        return parse_json(text)
    except InputError as error:
        raise InputError(f"{path}: malformed JSON ({error})") from error


def parse_json(text: str) -> Any:
    """The value of JSON text, as :func:`read_json` has it.

    Raises:
        InputError: it is something else; the message does not name a file.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError as error:
        raise InputError("nested too deeply") from error
    except ValueError as error:
        raise InputError(str(error)) from error


def read_list(path: File, expected: str) -> list[Any]:
    """The entries of a JSON file that holds a list, not looked at.

    Args:
        path: of the file.
        expected: what the file should hold, in a few words and signs.

    Raises:
        InputError: the file is something else.
    """
    content = read_json(path)
    if not isinstance(content, list):
        raise InputError(f"{path}: expected {expected}; found {shown(content)}")
    return content


def read_entries(path: File, shape: type[Shape], expected: str) -> list[Shape]:
    """The entries of a JSON file that holds a list.

    Args:
        path: of the file.
        shape: of an entry.
        expected: what the file should hold, in a few words and signs.

    Raises:
        InputError: the file is something else; all faulty entries are listed.
    """
    content = read_list(path, expected)
    faults: list[str] = []
    checked = check(list[shape], content, faults)  # type: ignore[valid-type]
    if checked is None:
        raise InputError(list_faults(f"{path}: faults", faults))
    return checked


def read_json_rows(path: File, shape: type[Shape], expected: str = "") -> dict[int, Shape]:
    """The rows of a file of JSON Lines by number of the line, from 1; blank lines are passed over.

    Args:
        path: of the file.
        shape: of a row.
        expected: what the file should hold, for whoever takes another for it.

    Raises:
        InputError: it cannot be read; or lines are not UTF-8, not JSON, or not of that shape: all
            of them are listed.
    """
    faults = Faults("line")
    rows: dict[int, Shape] = {}
    for number, value in iterate_json_values(path, faults.add):
        row = check_row(shape, value, number, faults)
        if row is not None:
            rows[number] = row
    faults.refuse(path, expected)
    return rows


def iterate_json_values(path: File, fault: Callable[[int, str], None]) -> Iterator[tuple[int, Any]]:
    """Line numbers, from 1, and values of a file of JSON Lines; blank lines are passed over.

    Args:
        path: of the file.
        fault: called with the line and what is wrong, for lines that are not UTF-8 or not JSON.

    Raises:
        InputError: the file cannot be read.
    """
    content = _without_mark(_content(path), path)
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, parse_json(line.decode())
        except UnicodeDecodeError as error:
            fault(number, f"not UTF-8: {_wrong_byte(error)}")
        except InputError as error:
            fault(number, f"not JSON: {error}")


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file that the pipeline wrote; see :func:`iterate_json_lines`."""
    return list(iterate_json_lines(path))


def iterate_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file that the pipeline wrote, one a line, one after another.

    Unlike :func:`read_json_rows` it checks nothing inside of an object, and takes a third of the
    time.

    Raises:
        InputError: a line is not a JSON object; the message names the file and the line.
    """
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError) as error:
                    deep = isinstance(error, RecursionError)
                    what = "nested too deeply" if deep else error
                    raise InputError(f"{path}, line {number}: not JSON ({what})") from error
                if not isinstance(record, dict):
                    found = shown(record)
                    raise InputError(f"{path}, line {number}: expected an object, found {found}")
                yield record
    except UnicodeDecodeError:
        read_text(path)  # raises what names the lines
        raise


def read_csv_rows(path: File, shape: type[Shape], into: Faults | None = None) -> dict[int, Shape]:
    """The rows of a CSV file by number of the line that each ends in; line 1 names the columns.

    Args:
        path: of the file.
        shape: of a row.
        into: gets the faults of lines, for whoever finds more; they are not raised then.

    Raises:
        InputError: it cannot be read; the columns have no names or the same; or rows have more or
            fewer cells than there are columns, or are not of that shape: all of them are listed.
    """
    text = read_text(path)
    faults = Faults("line") if into is None else into
    rows: dict[int, Shape] = {}
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = next(lines, [])
        if len(set(columns)) < len(columns) or not all(columns):
            raise InputError(
                f"{path}: the first line must name the columns, each once; found {shown(columns)}"
            )
        for cells in lines:
            if not cells:
                continue
            if len(cells) != len(columns):
                faults.add(lines.line_num, f"{len(cells)} cells, but {len(columns)} columns")
                continue
            values = dict(zip(columns, cells, strict=True))
            row = check_row(shape, values, lines.line_num, faults)
            if row is not None:
                rows[lines.line_num] = row
    except csv.Error as error:
        faults.add(lines.line_num, str(error))
    if into is None:
        faults.refuse(path)
    return rows


def read_cells(
    path: File, delimiter: str, quote: str | None, fault: Callable[[int, str], None]
) -> Iterator[tuple[int, list[str]]]:
    """The cells of a table's rows, with the number of the line that each row ends in.

    Blank lines are passed over. Line ends are those of any system.

    Args:
        path: of the file.
        delimiter: the character between cells.
        quote: the character around cells, doubled inside of them, or ``None``.
        fault: called with the line and what is wrong, where quotes are; reading ends there.

    Raises:
        InputError: the file cannot be read, or is not UTF-8.
    """
    text = io.StringIO(read_text(path), newline="")
    lines = csv.reader(
        text,
        delimiter=delimiter,
        quotechar=quote,
        quoting=csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL,
        skipinitialspace=quote is not None,  # whatever is before a quote hides it
        strict=True,
    )
    begins = 1
    try:
        for cells in lines:
            if any(map(str.strip, cells)):
                yield lines.line_num, cells
            begins = lines.line_num + 1
    except csv.Error as error:
        fault(begins, f"{error}, in the row that begins here")


def _content(path: File) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise InputError(f"{path}: a folder, not a file") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except ValueError as error:  # a zero in the name
        raise InputError(f"{path}: {error}") from error


def _without_mark(content: bytes, path: File) -> bytes:
    """The content without UTF-8's byte order mark; that of another encoding is refused by name."""
    for name, mark in (  # that of UTF-32 begins like that of UTF-16
        ("UTF-32", b"\xff\xfe\0\0"),
        ("UTF-32", b"\0\0\xfe\xff"),
        ("UTF-16", b"\xff\xfe"),
        ("UTF-16", b"\xfe\xff"),
    ):
        if content.startswith(mark):
            raise InputError(f"{path}: not UTF-8 but {name}; save it as UTF-8")
    if b"\0" in content[:4]:  # a letter of UTF-16 or UTF-32 without a mark
        raise InputError(f"{path}: not UTF-8 text (a zero byte); is it UTF-16? save it as UTF-8")
    return content.removeprefix(b"\xef\xbb\xbf")


def _decode(content: bytes, path: File) -> str:
    content = _without_mark(content, path)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        faults = Faults("line")
        for number, line in enumerate(content.split(b"\n"), start=1):
            try:
                line.decode()
            except UnicodeDecodeError as wrong:
                faults.add(number, _wrong_byte(wrong))
        raise InputError(list_faults(f"{path}: not UTF-8", faults.lines())) from error


def _wrong_byte(error: UnicodeDecodeError) -> str:
    return f"byte 0x{error.object[error.start]:02x} ({error.reason})"


def _object(pairs: list[tuple[str, Any]]) -> Any:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    twice = next(name for name in found if names.count(name) > 1)
    return Unusable(f"an object with the key {shown(twice)} {names.count(twice)} times")


def _whole_number(digits: str) -> Any:
    return int(digits) if len(digits) <= DIGITS else Unusable(f"a number of {len(digits)} digits")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole_number)

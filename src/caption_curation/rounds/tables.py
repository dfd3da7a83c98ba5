"""Tables of users, by the ending of their names: JSON Lines, CSV and Parquet, read and written."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, create_model

from caption_curation.support.errors import InputError
from caption_curation.support.extras import REMEDY
from caption_curation.support.reading import iterate_json_values, read_csv_rows
from caption_curation.support.rows import Faults, Identifier, Row, Text, Unusable, check_row, shown

ENDINGS = (".jsonl", ".csv", ".parquet")


@dataclass(frozen=True)
class Table:
    """The rows of a file, by the number that messages call them by.

    Attributes:
        path: of the file.
        rows: the columns of each row; of CSV all are text.
        faults: what is wrong with others, to be told with what else is.
        row: what a row is called.
    """

    path: Path
    rows: Mapping[int, Mapping[str, Any]]
    faults: Faults
    row: str

    @property
    def columns(self) -> list[str]:
        """All that any row has, in the order in which they come."""
        return list(dict.fromkeys(name for row in self.rows.values() for name in row))

    def holds_text(self, column: str) -> bool:
        """Whether there is a column that names something: its first value is text or whole."""
        first = next((row[column] for row in self.rows.values() if column in row), None)
        return isinstance(first, str | int) and not isinstance(first, bool)


def check_ending(path: Path, allowed: Sequence[str] = ENDINGS) -> str:
    """The ending of a file's name, in lower case.

    Raises:
        InputError: none of those that are allowed.
    """
    ending = path.suffix.lower()
    if ending not in allowed:
        raise InputError(f"{path}: the name must end in {', '.join(allowed)}")
    return ending


def read_table(path: Path) -> Table:
    """The rows of a file; whoever reads it tells its faults.

    Raises:
        InputError: it cannot be read, or has no rows.
    """
    ending = check_ending(path)
    row = "row" if ending == ".parquet" else "line"
    faults = Faults(row)
    match ending:
        case ".csv":
            rows = read_csv_rows(path, dict[str, Any], faults)
        case ".jsonl":
            rows = _json_rows(path, faults)
        case _:
            rows = dict(enumerate(_parquet_rows(path), start=1))
    table = Table(path, rows, faults, row)
    if not rows:
        faults.refuse(path)
        raise InputError(f"{path}: no rows")
    return table


def table_content(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """The content of a file of these rows, by the ending of its name.

    Args:
        path: of the file, which is not written.
        rows: what each holds; a column may be missing.
        columns: in their order.

    Raises:
        InputError: the columns of a Parquet file hold values of several kinds.
    """
    match check_ending(path):
        case ".csv":
            return csv_content(columns, ([row.get(name) for name in columns] for row in rows))
        case ".jsonl":
            return json_lines(rows)
        case _:
            return _parquet_content(path, rows, columns)


def json_lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """JSON Lines; what JSON has no form for, such as a date, is text."""
    lines = (json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
    return "".join(lines).encode()


def csv_content(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> bytes:
    """CSV with a line of names; what is no text or number is written as JSON."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(map(_cell, row) for row in rows)
    return text.getvalue().encode()


def column_model(table: Table, roles: Mapping[str, str]) -> type[Row]:
    """What a row of a table must hold.

    Args:
        table: whose file may be one where numbers are text.
        roles: the column of each: ``sample_id``, ``image_id``, ``caption``, ``file``, ``loss``.
    """
    kinds: dict[str, Any] = {"sample_id": Identifier, "image_id": Identifier, "file": Identifier}
    kinds |= {"caption": Text, "loss": Number if table.path.suffix.lower() == ".csv" else float}
    fields: dict[str, Any] = {
        role: (kinds[role], Field(alias=column)) for role, column in roles.items()
    }
    return create_model("Columns", __base__=Row, **fields)


def check_rows(table: Table, roles: Mapping[str, str]) -> dict[int, dict[str, Any]]:
    """The values of each good row by role; ids and files are text.

    Args:
        table: to be read; its faults get what is wrong with the others.
        roles: as :func:`column_model` takes them.
    """
    model = column_model(table, roles)
    found = {}
    for number, values in table.rows.items():
        row = check_row(model, values, number, table.faults)
        if row is not None:
            found[number] = {
                role: str(value) if role in ("sample_id", "image_id", "file") else value
                for role, value in row
            }
    return found


def missing_column(table: Table, role: str, column: str) -> str:
    """The fault that a column is not there, and those that are."""
    return f"no column {shown(column)} ({role}); there are {', '.join(map(shown, table.columns))}"


def _number(value: Any) -> Any:
    """The number that a cell of a CSV file holds; anything else as it is."""
    try:
        return float(value)
    except ValueError:
        return value


Number = Annotated[float, BeforeValidator(_number)]


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _json_rows(path: Path, faults: Faults) -> dict[int, dict[str, Any]]:
    rows = {}
    for number, value in iterate_json_values(path, faults.add):
        row = check_row(dict[str, Any], value, number, faults)
        if row is None:
            continue
        unusable = {name: found for name in row if (found := _unusable(row[name])) is not None}
        for name, found in unusable.items():
            faults.add(number, f"{name} holds {found.what}")
        if not unusable:
            rows[number] = row
    return rows


def _unusable(value: Any) -> Unusable | None:
    """The first value inside of another that JSON has and that cannot be used."""
    pending = [value]
    while pending:
        match pending.pop():
            case Unusable() as found:
                return found
            case list() as several:
                pending += several
            case dict() as several:
                pending += several.values()
    return None


def _parquet_rows(path: Path) -> list[dict[str, Any]]:
    arrow, parquet = _pyarrow(path)
    if not path.is_file():
        raise InputError(f"{path}: {'a folder, not a file' if path.is_dir() else 'no such file'}")
    try:
        rows: list[dict[str, Any]] = parquet.ParquetFile(path).read().to_pylist()
    except (arrow.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path}: not a Parquet file ({error})") from error
    return rows


def _parquet_content(
    path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]
) -> bytes:
    arrow, parquet = _pyarrow(path)
    buffer = io.BytesIO()
    try:
        table = arrow.table({name: [row.get(name) for row in rows] for name in columns})
        parquet.write_table(table, buffer)
    except (arrow.ArrowException, OverflowError) as error:
        raise InputError(
            f"{path}: a column holds values of several kinds ({error}); write .jsonl"
        ) from error
    return buffer.getvalue()


def _pyarrow(path: Path) -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise InputError(f"{path}: Parquet needs pyarrow: {REMEDY}") from error
    return pyarrow, pyarrow.parquet

"""Parquet files: rows of captions, with pictures inside or by name.

They are read with pyarrow rather than with ``datasets``, which keeps a copy of all pictures in a
cache of its own and does not say which row of which file a value is from.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from caption_curation.corpora.listing import PlacedFaults, Where
from caption_curation.corpora.tables import Rows, lacking
from caption_curation.support.errors import InputError
from caption_curation.support.extras import need_data

BATCH = 64  # rows in memory at a time


def read_parquet(path: Path, name: str, needed: set[str], faults: PlacedFaults) -> Rows:
    """The rows of a file, by the columns that are needed; counted from 0.

    Args:
        path: of the file.
        name: of the file in messages.
        needed: names of columns.
        faults: gets those that are not there.

    Raises:
        InputError: the file cannot be read, or pyarrow is not installed.
    """
    with opened(path) as file:
        columns = file.schema_arrow.names
        if missing := sorted(needed - set(columns)):
            faults.add(Where(name, "file", path.name), lacking(missing, columns))
            return
        number = 0
        for batch in file.iter_batches(BATCH, columns=sorted(needed)):
            for values in batch.to_pylist():
                yield Where(name, "row", number), values
                number += 1


def read_column(path: Path, column: str) -> Iterator[Any]:
    """The values of a column, row by row.

    Raises:
        InputError: as :func:`read_parquet`.
    """
    with opened(path) as file:
        for batch in file.iter_batches(BATCH, columns=[column]):
            yield from batch.column(column).to_pylist()


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """pyarrow's ``ParquetFile``; what it cannot read becomes an InputError that names the file."""
    need_data(str(path))
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            yield file
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path}: not a Parquet file, or a damaged one ({reason})") from error

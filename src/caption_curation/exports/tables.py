"""Rows as columns with types, which Arrow and Parquet keep where a column holds nothing."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from caption_curation.exports.rows import Row

TYPES = {
    "edit_epoch": "int64",
    "image_seed": "int64",
    "score": "float64",
    "synthetic": "bool",
}  # all others are strings
ROWS = 10_000  # written, and read by whoever reads a table in parts, at a time
ROW_GROUP = 100  # pictures at least, where a group holds the rows of some


def features(*, image: str | None = None) -> Any:
    """The columns of a row as ``datasets`` describes them.

    Args:
        image: the name of a further column, the first, that holds the picture.
    """
    from datasets import Features, Image, Value

    columns = {name: Value(TYPES.get(name, "string")) for name in Row.__dataclass_fields__}
    return Features(({image: Image()} if image else {}) | columns)


def write_table(rows: Sequence[Row], path: Path) -> None:
    """Write rows without pictures as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Written without what only ``datasets`` reads: it would look for a column of pictures.
    schema = features().arrow_schema.remove_metadata()
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, len(rows), ROWS):
            records = [row.record() for row in rows[start : start + ROWS]]
            writer.write_table(pa.Table.from_pylist(records, schema=schema))


def groups(rows: Sequence[Row], pictures: int = ROW_GROUP) -> Iterator[list[Row]]:
    """Neighbouring rows that show some pictures together, in order."""
    group: list[Row] = []
    names: set[str] = set()
    for row in rows:
        if row.file_name not in names and len(names) == pictures:
            yield group
            group, names = [], set()
        group.append(row)
        names.add(row.file_name)
    if group:
        yield group

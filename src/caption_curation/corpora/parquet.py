"""Corpora in Parquet files, with pictures inside or beside them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from caption_curation.config.corpus_forms import HubColumns, ParquetSource, PictureColumns
from caption_curation.config.inputs import CorpusFiles
from caption_curation.corpora.inside import Inside, Store
from caption_curation.corpora.listing import Listing, PlacedFaults, Where
from caption_curation.corpora.names import from_windows
from caption_curation.corpora.parquet_files import read_column, read_parquet
from caption_curation.corpora.rows import (
    CaptionRow,
    caption_row,
    checked_row,
    columns_needed,
    listing_of,
    row_shape,
)
from caption_curation.corpora.tables import files_in, name_in, told_by
from caption_curation.image_index import digest_of
from caption_curation.support.rows import shown

ENDINGS = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"GIF8": ".gif", b"RIFF": ".webp"}


@dataclass(frozen=True, slots=True)
class PictureColumn:
    """A column of a Parquet file that holds pictures; a place in it is the row, from 0."""

    path: Path
    column: str

    def contents(self, places: Sequence[tuple[int, ...]]) -> Iterator[bytes]:
        """The bytes in these rows, which ascend."""
        wanted = {row for (row,) in places}
        for row, value in enumerate(read_column(self.path, self.column)):
            if row in wanted and (content := picture_bytes(value)) is not None:
                yield content


def list_parquet(source: ParquetSource, files: CorpusFiles) -> Listing:
    """The pictures of one file, or of all files in a folder.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    faults = PlacedFaults()
    rows = (
        row
        for path in files_in(files.annotations, (".parquet",), "data.source parquet")
        for row in _rows(source, path, files.annotations, faults)
    )
    return listing_of(rows, files.images, source.splits, faults)


def picture_bytes(value: Any) -> bytes | None:
    """A picture's bytes: a cell itself, or ``bytes`` of what ``datasets`` writes in one."""
    if isinstance(value, dict):
        value = value.get("bytes")
    return value if isinstance(value, bytes) else None


def row_with_picture(
    values: Any,
    shape: Any,
    columns: PictureColumns | HubColumns,
    where: Where,
    faults: PlacedFaults,
    store: Store,
) -> CaptionRow | None:
    """The row of a table whose pictures are inside, or ``None`` and its faults added.

    Args:
        values: of the row, by column.
        shape: of :func:`.rows.row_shape`.
        columns: of the profile, ``image`` among them.
        where: the row is.
        faults: gets what is wrong.
        store: of the pictures, with a place for each row of the table.
    """
    row = checked_row(shape, values, where, faults)
    cell = values.get(columns.image)
    content = picture_bytes(cell)
    if content is None:
        words = "must be a picture's bytes, or {bytes, path} with them"
        faults.add(where, f"{columns.image} {words}, not {shown(cell)}")
    if row is None or content is None:
        return None
    digest = digest_of(content)
    name = from_windows(row.file_name) if columns.file_name else f"{digest}{_ending(content)}"
    inside = Inside(store, (int(where.number),))
    return caption_row(row, where, file_name=name, inside=inside, digest=digest)


def _ending(content: bytes) -> str:
    return next((ending for mark, ending in ENDINGS.items() if content.startswith(mark)), "")


def _rows(
    source: ParquetSource, path: Path, place: Path, faults: PlacedFaults
) -> Iterator[CaptionRow]:
    columns, names = source.columns, told_by(path, place)
    shape = row_shape(columns, columns.file_name)
    needed = columns_needed(columns, columns.file_name, columns.image)
    for where, values in read_parquet(path, name_in(path, place), needed, faults):
        if columns.image is not None:
            store = PictureColumn(path, columns.image)
            row = row_with_picture(values, shape, columns, where, faults, store)
            if row is not None:
                yield replace(row, told_by=names)
        elif (checked := checked_row(shape, values, where, faults)) is not None:
            name = from_windows(checked.file_name)
            yield caption_row(checked, where, file_name=name, told_by=names)

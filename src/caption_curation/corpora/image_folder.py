"""Folders of images with a metadata file: the ``imagefolder`` of ``datasets``."""

from collections.abc import Iterator
from pathlib import Path

from caption_curation.config.corpus_forms import ImageFolderSource
from caption_curation.config.inputs import CorpusFiles
from caption_curation.corpora.listing import Listing, PlacedFaults
from caption_curation.corpora.names import from_windows
from caption_curation.corpora.parquet_files import read_parquet
from caption_curation.corpora.rows import (
    CaptionRow,
    caption_row,
    checked_row,
    columns_needed,
    listing_of,
    row_shape,
)
from caption_curation.corpora.tables import (
    Dialect,
    Repairs,
    Rows,
    files_in,
    name_in,
    read_csv,
    read_json_lines,
    told_by,
)

FILE_NAME = "file_name"
METADATA = ("metadata.jsonl", "metadata.csv", "metadata.parquet")


def list_image_folder(source: ImageFolderSource, files: CorpusFiles) -> Listing:
    """The images that a metadata file names, or all those in a folder.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    faults = PlacedFaults()
    return listing_of(_rows(source, files, faults), files.images, source.splits, faults)


def _rows(
    source: ImageFolderSource, files: CorpusFiles, faults: PlacedFaults
) -> Iterator[CaptionRow]:
    place = files.annotations
    shape = row_shape(source.columns, FILE_NAME)
    for path in files_in(place, METADATA, "data.source image_folder"):
        below = path.relative_to(place).parent if path != place else Path()
        names = told_by(path, place)
        for where, values in _values(source, path, name_in(path, place), faults):
            row = checked_row(shape, values, where, faults)
            if row is None:
                continue
            name = from_windows(row.file_name)
            # Joining would take an absolute name for what it says.
            name = name if name.startswith("/") else (below / name).as_posix()
            yield caption_row(row, where, file_name=name, told_by=names)


def _values(source: ImageFolderSource, path: Path, name: str, faults: PlacedFaults) -> Rows:
    needed = columns_needed(source.columns, FILE_NAME)
    match path.suffix:
        case ".csv":
            dialect = Dialect(",", '"', None, source.columns.caption)
            return read_csv(path, name, dialect, needed, faults, Repairs())
        case ".parquet":
            return read_parquet(path, name, needed, faults)
        case _:
            return read_json_lines(path, name, faults)

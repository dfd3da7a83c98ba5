"""Corpora in tables with a delimiter: Kaggle's Flickr8k, Flickr30K's ``results.csv``, anyone's."""

from collections.abc import Iterator
from dataclasses import replace

from caption_curation.config.corpus_forms import CsvSource
from caption_curation.config.inputs import CorpusFiles
from caption_curation.corpora.listing import Listing, PlacedFaults
from caption_curation.corpora.names import from_windows
from caption_curation.corpora.rows import (
    CaptionRow,
    caption_row,
    checked_row,
    columns_needed,
    listing_of,
    row_shape,
)
from caption_curation.corpora.tables import Dialect, Repairs, files_in, name_in, read_csv, told_by

ENDINGS = (".csv", ".tsv", ".txt")


def list_csv(source: CsvSource, files: CorpusFiles) -> Listing:
    """The images of one table, or of all tables in a folder.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    faults, repairs = PlacedFaults(), Repairs()
    rows = _rows(source, files, faults, repairs)
    listing = listing_of(rows, files.images, source.splits, faults)
    return replace(listing, repaired=repairs.number)  # of which all are counted by now


def _rows(
    source: CsvSource, files: CorpusFiles, faults: PlacedFaults, repairs: Repairs
) -> Iterator[CaptionRow]:
    place, columns = files.annotations, source.columns
    dialect = Dialect(source.delimiter, source.quote, source.names, columns.caption)
    shape = row_shape(columns, columns.file_name)
    needed = columns_needed(columns, columns.file_name)
    for path in files_in(place, ENDINGS, "data.source csv"):
        names = told_by(path, place)
        for where, values in read_csv(path, name_in(path, place), dialect, needed, faults, repairs):
            row = checked_row(shape, values, where, faults)
            if row is not None:
                yield caption_row(row, where, file_name=from_windows(row.file_name), told_by=names)

"""Corpora of photographs in the forms that people have: what a profile says of each form.

Where the files lie is the machine's matter (``inputs`` in params.yaml). ``Captioner…`` are the
kinds of ``data``, the others those of ``generator_data``.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator

from caption_curation.config.corpora import (
    CaptionerCorpus,
    ImageFilesSource,
    KarpathySource,
    LocalSource,
)
from caption_curation.config.splits import CocoSplits, NamedSplits, Splits
from caption_curation.support.sections import Section

Column = Annotated[str, Field(min_length=1)]


class RowColumns(Section):
    """Columns of a table with a row for each caption, or for each image with a list of captions."""

    caption: Column
    """Column of the caption, or of a list of captions. The rows of one image are its captions."""
    image_id: Column | None
    """Column of the image's id; `null`: its file name is its id."""
    split: Column | None
    """Column of the split (`train`, `val`, `validation`, `dev` or `test`), where `splits` is
    `given`; `null`: the names of files and folders tell it.
    """
    licence: Column | None
    """Column of the image's licence, which is kept in `provenance.jsonl`; `null`: none."""
    author: Column | None
    """Column of the image's author, likewise."""
    source_url: Column | None
    """Column of the address that the image is from, likewise."""


class NamedColumns(RowColumns):
    """Columns of a table whose pictures are files."""

    file_name: Column
    """Column of the picture's file name, relative to `inputs.images`."""


class CsvSource(ImageFilesSource):
    """A table with a delimiter between its cells, and a folder of images."""

    source: Literal["csv"]
    """Tables with any delimiter, and a folder of images: Kaggle's Flickr8k, Flickr30K's
    `results.csv`.
    """
    delimiter: Annotated[str, Field(min_length=1, max_length=1)]
    """The character between two cells; blanks beside it are no part of them."""
    quote: Annotated[str, Field(min_length=1, max_length=1)] | None
    """The character around cells that hold the delimiter, doubled inside of them; `null`: none, and
    a caption that is the last cell may hold the delimiter.
    """
    names: Annotated[list[Column], Field(min_length=2)] | None
    """The columns of a table that does not name them; `null`: its first line does."""
    columns: NamedColumns
    """Which column is what."""
    splits: Splits
    """Splits: `given`, or made from fractions."""

    @model_validator(mode="after")
    def _cells_can_be_told_apart(self) -> Self:
        if self.delimiter in ("\n", "\r", " ") or self.delimiter == self.quote:
            raise ValueError(
                f"delimiter ({self.delimiter!r}) must be another character than quote "
                f"({self.quote!r}), and no blank or line end"
            )
        return self


class ImageFolderSource(ImageFilesSource):
    """A folder of images with a metadata file, as ``datasets`` reads and writes it."""

    source: Literal["image_folder"]
    """A folder of images with `metadata.jsonl`, `metadata.csv` or `metadata.parquet`, whose
    `file_name` is relative to its own folder, or to `inputs.images`.
    """
    columns: RowColumns
    """Which column of the metadata file is what, beside `file_name`."""
    splits: Splits
    """Splits: `given`, or made from fractions."""


class CocoSource(ImageFilesSource):
    """COCO's own JSON and a folder of images."""

    source: Literal["coco"]
    """COCO's own JSON (`captions_*.json`, one file or a folder of several), and a folder of images,
    which may be in folders of their own there (`train2014`) as `coco_url` says.
    """
    splits: CocoSplits
    """Splits: `given` by the files' names, by a file for each, as in Karpathy's file, or made from
    fractions.
    """


class ShardColumns(RowColumns):
    """Columns of rows that come with their pictures."""

    file_name: Column | None
    """Column of the picture's name. Rows of one name are the captions of one picture; `null`: each
    is named by its key, or by its content.
    """


class WebDatasetSource(LocalSource):
    """Tar files with pictures and captions inside."""

    source: Literal["webdataset"]
    """Tar files whose members `KEY.jpg`, `KEY.txt` and `KEY.json` are a sample, in any order; one
    file, or a folder of them.
    """
    columns: ShardColumns
    """Which key of a sample's `.json` is what; `txt` is the text of its `.txt`."""
    splits: Splits
    """Splits: `given`, or made from fractions."""


class PictureColumns(ShardColumns):
    """Columns of a table that may hold pictures."""

    image: Column | None
    """Column of the pictures, as bytes or as `datasets` writes them (`bytes`, `path`); `null`:
    `file_name` names files in `inputs.images`.
    """

    @model_validator(mode="after")
    def _name_pictures(self) -> Self:
        if self.image is None and self.file_name is None:
            raise ValueError("image or file_name must name a column")
        return self


class ParquetSource(ImageFilesSource):
    """Parquet files, with pictures inside or beside them."""

    source: Literal["parquet"]
    """Parquet, one file or a folder of them, with pictures inside, or with their file names."""
    columns: PictureColumns
    """Which column is what."""
    splits: Splits
    """Splits: `given`, or made from fractions."""


class HubColumns(ShardColumns):
    """Columns of a data set on the hub."""

    image: Column
    """Column of the pictures."""


class HubSource(Section):
    """A data set on the Hugging Face hub, at a pinned commit."""

    source: Literal["hub"]
    """A data set on the Hugging Face hub, in any form that `datasets` reads without running code.
    """
    id: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    """`OWNER/NAME` on the hub."""
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    """The full commit, 40 hexadecimal digits."""
    config: Annotated[str, Field(min_length=1)] | None
    """The data set's configuration (subset); `null`: its default."""
    download: StrictBool
    """Whether what is not in the local cache is downloaded; otherwise it must be there."""
    columns: HubColumns
    """Which column is what."""
    splits: NamedSplits
    """Splits: `given` by the names of the data set's, by a name for each, or made from fractions.
    """


class CaptionerCsv(CsvSource, CaptionerCorpus):
    """The captioner's photographs, in a table."""


class CaptionerImageFolder(ImageFolderSource, CaptionerCorpus):
    """The captioner's photographs, in a folder with a metadata file."""


class CaptionerCoco(CocoSource, CaptionerCorpus):
    """The captioner's photographs, in COCO's JSON."""


class CaptionerWebDataset(WebDatasetSource, CaptionerCorpus):
    """The captioner's photographs, in tar files."""


class CaptionerParquet(ParquetSource, CaptionerCorpus):
    """The captioner's photographs, in Parquet files."""


class CaptionerHub(HubSource, CaptionerCorpus):
    """The captioner's photographs, on the hub."""


# What is read rather than drawn.
CorpusSource = (
    KarpathySource
    | CocoSource
    | CsvSource
    | ImageFolderSource
    | WebDatasetSource
    | ParquetSource
    | HubSource
)

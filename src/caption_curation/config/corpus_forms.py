"""Corpora of photographs in the forms that people have: what a profile says of each form.

Where the files lie is the machine's matter (``inputs`` in params.yaml). ``Captioner…`` are the
kinds of ``data``, the others those of ``generator_data``.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from caption_curation.config.corpora import CaptionerCorpus, ImageFilesSource, KarpathySource
from caption_curation.support.sections import Section

Column = Annotated[str, Field(min_length=1)]


class SplitFractions(Section):
    """Splits by a hash of each image's id, so that they stay as they are when images are added."""

    val: Annotated[float, Field(ge=0, lt=1)]
    """Share of the images that is the validation split, about: a hash of its id puts an image into
    a split, whatever other images there are.
    """
    test: Annotated[float, Field(ge=0, lt=1)]
    """Share of the images that is the test split; the rest is trained on."""

    @model_validator(mode="after")
    def _leave_some_to_train_on(self) -> Self:
        if self.val + self.test >= 1:
            raise ValueError(f"val ({self.val}) and test ({self.test}) together must be below 1")
        return self


def _kind_of_splits(value: Any) -> str | None:
    if value == "given":
        return "<given>"
    return "<fractions>" if isinstance(value, dict | SplitFractions) else None


Splits = Annotated[
    Annotated[Literal["given"], Tag("<given>")] | Annotated[SplitFractions, Tag("<fractions>")],
    Discriminator(
        _kind_of_splits,
        custom_error_type="splits",
        custom_error_message="Input should be 'given', or fractions: {val: 0.1, test: 0.1}",
    ),
]


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


class CaptionerCsv(CsvSource, CaptionerCorpus):
    """The captioner's photographs, in a table."""


class CaptionerImageFolder(ImageFolderSource, CaptionerCorpus):
    """The captioner's photographs, in a folder with a metadata file."""


CorpusSource = KarpathySource | CsvSource | ImageFolderSource  # read rather than drawn

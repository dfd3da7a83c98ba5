"""Rows of captions: what a table or an archive holds, before rows of one image are put together.

Whatever the form, a row names a picture and gives a caption or several; rows of one picture are its
captions, in their order. Checks that need more than one row are made here, for all forms.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, create_model
from pydantic_core import PydanticCustomError

from caption_curation.config.corpus_forms import RowColumns
from caption_curation.config.splits import SplitFractions
from caption_curation.corpora.corpus import Provenance
from caption_curation.corpora.inside import Inside
from caption_curation.corpora.listing import (
    Cleaned,
    Entry,
    Listing,
    PlacedFaults,
    Where,
    clean,
    rows_at,
)
from caption_curation.corpora.names import confined_name, confined_path
from caption_curation.corpora.splits import ALLOWED, SPLITS, split_by_hash, split_in_names
from caption_curation.samples import CaptionedImage
from caption_curation.support.rows import Identifier, Row, Text, check, shown, whole_characters


@dataclass(frozen=True, slots=True)
class CaptionRow:
    """A picture's name with captions of it, and what else the row says.

    ``split`` is the word of the row; ``told_by`` are the names of the file that it is in and of
    that file's folders, which tell the split where the row has no word for it. ``digest`` is that
    of the picture, where it is ``inside`` of a store.
    """

    where: Where
    file_name: str
    captions: tuple[str, ...]
    image_id: str | None = None
    split: str | None = None
    told_by: tuple[str, ...] = ()
    licence: str | None = None
    author: str | None = None
    source_url: str | None = None
    inside: Inside | None = None
    digest: str | None = None


def _captions(value: Any) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else ["" if value is None else value]
    if not all(isinstance(text, str) for text in texts):
        raise PydanticCustomError("captions", "must be a caption, or a list of captions")
    return tuple(map(whole_characters, texts))


def _null_for_empty(value: Any) -> Any:
    return None if value == "" else value


Captions = Annotated[tuple[str, ...], PlainValidator(_captions)]
Optional = Annotated[Identifier | None, BeforeValidator(_null_for_empty)]
PROVENANCE = ("licence", "author", "source_url")
OPTIONAL = ("image_id", "split", *PROVENANCE)
FILE_NAME = Annotated[Text, Field(min_length=1)]


def row_shape(columns: RowColumns, file_name: str | None) -> type[Row]:
    """What a row of a table must hold, by the names of its columns.

    Args:
        columns: as the profile says.
        file_name: the column of the picture's name, if it has one.
    """
    fields: dict[str, Any] = {"caption": (Captions, Field(alias=columns.caption))}
    if file_name is not None:
        fields["file_name"] = FILE_NAME, Field(alias=file_name)
    for key in OPTIONAL:
        # A field without a column would read a key that happens to be called like it.
        if column := getattr(columns, key):
            fields[key] = Optional, Field(alias=column)
    return create_model("TableRow", __base__=Row, **fields)


def columns_needed(columns: RowColumns, *of_pictures: str | None) -> set[str]:
    """The names of the columns that a table must have.

    Args:
        columns: as the profile says.
        of_pictures: further columns; ``None``: none.
    """
    optional = (getattr(columns, key) for key in OPTIONAL)
    return {name for name in (columns.caption, *of_pictures, *optional) if name}


def checked_row(shape: type[Row], values: Any, where: Where, faults: PlacedFaults) -> Any:
    """The row as :func:`row_shape` has it, or ``None`` and its faults added."""
    found: list[str] = []
    row = check(shape, values, found)
    for fault in found:
        faults.add(where, fault)
    return row


def caption_row(row: Any, where: Where, **more: Any) -> CaptionRow:
    """A row with what :func:`checked_row` found in it.

    Args:
        row: of :func:`row_shape`.
        where: it is.
        more: fields that the table has no column for.
    """
    told = {key: getattr(row, key, None) for key in OPTIONAL}
    words = {key: None if value is None else str(value) for key, value in told.items()}
    return CaptionRow(**{"where": where, "captions": row.caption, **words, **more})


@dataclass(frozen=True, slots=True)
class _Image:
    """The rows of one picture."""

    name: str
    rows: list[CaptionRow]

    @property
    def where(self) -> str:
        return rows_at(row.where for row in self.rows)

    def said(self, key: str) -> list[Any]:
        """What its rows say, each value once."""
        values = (getattr(row, key) for row in self.rows)
        return list(dict.fromkeys(value for value in values if value is not None))


def listing_of(
    rows: Iterable[CaptionRow],
    folder: Path,
    splits: str | SplitFractions,
    faults: PlacedFaults,
) -> Listing:
    """The images that rows tell of, in the order of their first rows, and every fault.

    Args:
        rows: of the whole input.
        folder: that the names of pictures are relative to; it need not be there.
        splits: ``given``, or fractions.
        faults: of rows, found while they are read; gets what is wrong with names, too, which many
            rows may share.
    """
    told: list[str] = []
    entries = []
    for image in _images(rows, folder, faults):
        found: list[str] = []
        ids = image.said("image_id")
        if len(ids) > 1:
            found.append(f"several image ids: {', '.join(map(shown, ids[:3]))}")
        if len(image.said("digest")) > 1:
            found.append("several pictures of one name")
        cleaned = clean(text for row in image.rows for text in row.captions)
        if not cleaned.captions:
            found.append("no caption, or only ones without a word")
        image_id = ids[0] if ids else image.name
        split = _split(image, image_id, splits, found)
        told += [f"{image.where}: file {image.name!r}: {fault}" for fault in found]
        if split and not found:
            entries.append(_entry(image, image_id, split, cleaned))
    return Listing(None, entries, faults.lines() + told + _repeated_ids(entries))


def _images(rows: Iterable[CaptionRow], folder: Path, faults: PlacedFaults) -> Iterator[_Image]:
    """Rows by picture; those with names that lead out of the folder are left out."""
    confined = folder.resolve()
    names: dict[str, str | list[str]] = {}
    images: dict[str, _Image] = {}
    for row in rows:
        if row.file_name not in names:
            found: list[str] = []
            if row.inside:  # it is no file yet
                name = confined_path(row.file_name, found)
            else:
                name = confined_name(row.file_name, folder, confined, found)
            names[row.file_name] = name or found
        known = names[row.file_name]
        if isinstance(known, str):
            images.setdefault(known, _Image(known, [])).rows.append(row)
        else:
            for fault in known:
                faults.add(row.where, fault)
    yield from images.values()


def _split(
    image: _Image, image_id: str, splits: str | SplitFractions, found: list[str]
) -> str | None:
    if isinstance(splits, SplitFractions):
        return split_by_hash(image_id, splits)
    words = image.said("split")
    wrong = [word for word in words if word not in SPLITS]
    if wrong:
        found.append(f"split must be {ALLOWED}, not {', '.join(map(shown, wrong[:3]))}")
        return None
    told = {SPLITS[word] for word in words}
    if not told:
        names = {row.told_by for row in image.rows}
        told = {split for each in names for split in split_in_names(each)}
        told = told or split_in_names(Path(image.name).parts[:-1])
    if len(told) != 1:
        what = (
            f"several splits: {', '.join(sorted(told))}"
            if told
            else (
                "no split: with `splits: given` a column tells it, or the names of files or folders"
            )
        )
        found.append(what)
        return None
    return told.pop()


def _entry(image: _Image, image_id: str, split: str, cleaned: Cleaned) -> Entry:
    first = {key: next(iter(image.said(key)), None) for key in PROVENANCE}
    provenance = Provenance(image_id, **first)
    return Entry(
        split=split,
        image=CaptionedImage(image_id, image.name, cleaned.captions),
        normalised=cleaned.normalised,
        empty=cleaned.empty,
        where=image.where,
        provenance=provenance if provenance.known else None,
        inside=image.rows[0].inside,
    )


def _repeated_ids(entries: Iterable[Entry]) -> list[str]:
    by_id: dict[str, list[Entry]] = {}
    for entry in entries:
        by_id.setdefault(entry.image.image_id, []).append(entry)
    return [
        f"image id used several times: {image_id}: "
        + "; ".join(f"{each.where} ({each.image.file_name!r})" for each in several[:3])
        for image_id, several in by_id.items()
        if len(several) > 1
    ]

"""Corpora in COCO's own JSON: ``images`` and, in a list beside them, the captions.

The format is that of https://cocodataset.org/#format-data: ``{"images": [{"id", "file_name",
"license", "coco_url", "flickr_url"}], "annotations": [{"image_id", "caption"}], "licenses"}``. The
files are read with the standard library: ``datasets`` has no reader for them.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import Field

from caption_curation.config.corpus_forms import CocoSource
from caption_curation.config.inputs import CorpusFiles
from caption_curation.config.splits import FileSplits, KarpathySplits
from caption_curation.corpora.listing import Listing, PlacedFaults, Where
from caption_curation.corpora.names import from_windows
from caption_curation.corpora.rows import CaptionRow, checked_row, listing_of
from caption_curation.corpora.tables import name_in, told_by
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.reading import read_json
from caption_curation.support.rows import Identifier, Row, Text, check, shown

EXPECTED = (
    'expected COCO\'s format: {"images": [{"id": …, "file_name": …}], '
    '"annotations": [{"image_id": …, "caption": …}]}'
)
CAPTIONS = "captions*.json"
URL_PARTS = 2  # of the address of an image that are folder and name


class _Image(Row):
    id: Identifier
    file_name: Annotated[Text, Field(min_length=1)]
    license: Identifier | None = None
    coco_url: Text | None = None
    flickr_url: Text | None = None
    source_url: Text | None = None  # of what this project has exported


class _Annotation(Row):
    image_id: Identifier
    caption: Text


class _Licence(Row):
    id: Identifier
    name: Text | None = None
    url: Text | None = None


class _KarpathyImage(Row):
    cocoid: Identifier
    split: Text


def list_coco(source: CocoSource, files: CorpusFiles, section: str) -> Listing:
    """The images of one file, or of all files ``captions*.json`` of a folder.

    Raises:
        InputError: there is none, or it has another form.
    """
    faults = PlacedFaults()
    of_splits: dict[str, str] | None = None
    fractions = source.splits
    if isinstance(fractions, KarpathySplits):
        of_splits = _karpathys_splits(files.annotations, fractions.karpathy)
    parts = _files(source, files.annotations)
    rows = (
        row
        for path, split in parts
        for row in _rows(path, split, of_splits, files, section, faults)
    )
    given = "given" if isinstance(fractions, FileSplits | KarpathySplits) else fractions
    return listing_of(rows, files.images, given, faults)


def _files(source: CocoSource, place: Path) -> list[tuple[Path, str | None]]:
    """The files to read, each with its split where the profile says it."""
    if isinstance(source.splits, FileSplits):
        named = source.splits.model_dump(exclude_none=True)
        _refuse_missing(place, named.values())
        return [(place / name, split) for split, name in named.items()]
    if not place.is_dir():
        return [(place, None)]
    found = [(path, None) for path in sorted(place.glob(CAPTIONS)) if path.is_file()]
    if not found:
        raise InputError(f"{place}: no file {CAPTIONS}, as COCO's are called")
    return list(found)


def _refuse_missing(place: Path, names: Any) -> None:
    if not place.is_dir():
        raise InputError(f"{place}: a folder with {', '.join(names)} is needed, as splits says")
    missing = [f"{name}: no such file" for name in names if not (place / name).is_file()]
    if missing:
        raise InputError(list_faults(f"{place}: splits names files", missing))


def _karpathys_splits(place: Path, name: str) -> dict[str, str]:
    """Karpathy's split of each image, by COCO's id."""
    _refuse_missing(place, [name])
    content = read_json(place / name)
    faults: list[str] = []
    images = content.get("images") if isinstance(content, dict) else content
    checked = check(list[_KarpathyImage], images, faults)
    if checked is None:
        heading = f"{place / name}: expected Karpathy's images with cocoid and split; faults"
        raise InputError(list_faults(heading, faults))
    return {str(image.cocoid): image.split for image in checked}


def _rows(
    path: Path,
    split: str | None,
    of_splits: dict[str, str] | None,
    files: CorpusFiles,
    section: str,
    faults: PlacedFaults,
) -> Iterator[CaptionRow]:
    """A row for each image of a file, with all of its captions."""
    name = name_in(path, files.annotations)
    content = _content(path, section)
    captions: dict[str, list[str]] = {}
    images: list[tuple[Where, _Image]] = []
    for position, value in enumerate(content["images"]):
        where = Where(name, "image", position)
        image = checked_row(_Image, value, where, faults)
        if image is not None:
            images.append((where, image))
            captions[str(image.id)] = []
    for position, value in enumerate(content["annotations"]):
        where = Where(name, "annotation", position)
        annotation = checked_row(_Annotation, value, where, faults)
        if annotation is None:
            continue
        if (of_image := captions.get(str(annotation.image_id))) is None:
            faults.add(where, f"image_id {shown(annotation.image_id)}: no such image")
        else:
            of_image.append(annotation.caption)
    licences = _licences(content.get("licenses"), name, faults)
    for where, image in images:
        image_id = str(image.id)
        word = split
        if of_splits is not None and (word := of_splits.get(image_id)) is None:
            faults.add(where, "not in Karpathy's file, which says the splits")
            continue
        yield CaptionRow(
            where=where,
            file_name=_file_name(image, files.images),
            captions=tuple(captions[image_id]),
            image_id=image_id,
            split=word,
            told_by=told_by(path, files.annotations),
            licence=licences.get(image.license),
            source_url=image.source_url or image.flickr_url or image.coco_url,
        )


def _file_name(image: _Image, folder: Path) -> str:
    """The name, with the folder that the address has before it where the images have it too."""
    name = from_windows(image.file_name)
    parts = PurePosixPath(image.coco_url or "").parts[-URL_PARTS:]
    if len(parts) == URL_PARTS and parts[1] == name and (folder / parts[0]).is_dir():
        return "/".join(parts)
    return name


def _licences(value: Any, name: str, faults: PlacedFaults) -> dict[Any, str]:
    """What licences are called, by their number."""
    found: dict[Any, str] = {}
    for position, each in enumerate(value if isinstance(value, list) else []):
        licence = checked_row(_Licence, each, Where(name, "licence", position), faults)
        if licence is not None:
            words = [word for word in (licence.name, licence.url) if word]
            found[licence.id] = ", ".join(words) or str(licence.id)
    return found


def _content(path: Path, section: str) -> dict[str, Any]:
    """The file's content, with lists ``images`` and ``annotations`` of captions."""
    try:
        content = read_json(path)
    except InputError as error:
        raise InputError(f"{error}; {EXPECTED}") from error
    images = content.get("images") if isinstance(content, dict) else None
    if (
        isinstance(images, list)
        and images
        and all(isinstance(image, dict) and "sentences" in image for image in images[:1])
    ):
        raise InputError(
            f"{path}: this is Karpathy's JSON, with the captions inside of each image, which "
            f"{section}.source = karpathy reads; {EXPECTED}"
        )
    for key in ("images", "annotations"):
        value = content.get(key) if isinstance(content, dict) else None
        if not isinstance(value, list) or not value:
            raise InputError(
                f"{path}: {key!r} is missing, empty or not a list; {EXPECTED}; "
                f"found {shown(content)}"
            )
    if not any(isinstance(each, dict) and "caption" in each for each in content["annotations"]):
        raise InputError(
            f"{path}: no annotation has a 'caption': COCO's are in captions_*.json; {EXPECTED}"
        )
    whole: dict[str, Any] = content
    return whole

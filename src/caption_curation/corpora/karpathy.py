"""Corpora in Karpathy's JSON format: COCO, Flickr8k and Flickr30k.

The format is that of Karpathy & Fei-Fei, "Deep Visual-Semantic Alignments for Generating Image
Descriptions" (CVPR 2015): ``{"images": [{"filename", "split", "sentences": [{"raw"}, …]}, …]}``.
"""

from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field

from caption_curation.config.inputs import CorpusFiles, input_key
from caption_curation.corpora.corpus import Corpus
from caption_curation.corpora.listing import Entry, Listing, checked_corpus, clean
from caption_curation.corpora.names import confined_name
from caption_curation.samples import CaptionedImage
from caption_curation.support.errors import InputError
from caption_curation.support.reading import read_json
from caption_curation.support.rows import Identifier, Row, Text, check, repetitions, shown

# COCO's restval images are the rest of val2014 in Karpathy's splits; they belong to train.
SPLITS = {"train": "train", "restval": "train", "val": "val", "test": "test"}
EXPECTED = (
    "expected Karpathy's format: "
    '{"images": [{"filename": …, "split": …, "sentences": [{"raw": …}]}]}'
)


def read_karpathy(files: CorpusFiles, section: str, splits: Collection[str]) -> Corpus:
    """Read and check the given splits: every caption, and every image by decoding it.

    Image ids are ``cocoid`` where there is one, else ``imgid``, as strings.

    Args:
        files: where the annotation file and the images are.
        section: the profile's section that they are of, for messages.
        splits: of ``train``, ``val``, ``test``.

    Raises:
        InputError: the folder or the file is missing or has another format, or some of its images
            are unusable; the message lists all faults.
    """
    listing = list_karpathy(files, section)
    title = str(files.annotations)
    return checked_corpus(listing, "karpathy", files, section, splits, title=title)


def list_karpathy(files: CorpusFiles, section: str) -> Listing:
    """The entries of the annotation file, of all splits, without looking at the images.

    Raises:
        InputError: the folder or the file is missing, or the file has another format.
    """
    folder = files.images
    content, records = _read_records(files.annotations, section)
    faults: list[str] = []
    entries: dict[int, Entry] = {}
    inside = folder.resolve()
    for position, record in enumerate(records):
        found: list[str] = []
        image_id = _image_id(record, found)
        entry = _entry(record, image_id, folder, inside, found)
        if entry is not None:
            entries[position] = entry
        where = f"images[{position}]" + (f", id {image_id}" if image_id else "")
        faults += [f"{where}: {fault}" for fault in found]
    faults += _duplicates(entries)
    name = content.get("dataset")
    return Listing(name if isinstance(name, str) else None, list(entries.values()), faults)


def _read_records(annotations: Path, section: str) -> tuple[dict[str, Any], list[Any]]:
    """The file's content, and its ``images``, of which at least one looks like Karpathy's."""
    try:
        content = read_json(annotations)
    except InputError as error:
        key = input_key(section, "annotations")
        raise InputError(f"{key}: {error}; {EXPECTED}") from error
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        raise InputError(
            f"{annotations}: this is COCO's own JSON, with the captions in a separate list, "
            f"'annotations', which {section}.source = coco reads; {EXPECTED}, as in "
            "dataset_coco.json"
        )
    records = content.get("images") if isinstance(content, dict) else None
    if not isinstance(records, list) or not records:
        raise InputError(
            f"{annotations}: 'images' is missing, empty or not a list; {EXPECTED}; "
            f"found {shown(content)}"
        )
    if not any(
        isinstance(record, dict) and {"filename", "sentences"} & record.keys() for record in records
    ):
        raise InputError(f"{annotations}: no image has a 'filename' and 'sentences'; {EXPECTED}")
    return content, records


class _Id(Row):
    """Null is as good as absent: exports of tables have it."""

    cocoid: Identifier | None = None
    imgid: Identifier | None = None


class _File(Row):
    filename: Annotated[Text, Field(min_length=1)]
    filepath: Text | None = None


class _Sentence(Row):
    raw: Text


class _Record(Row):
    split: Literal[tuple(SPLITS)]  # type: ignore[valid-type]
    sentences: list[_Sentence]


def _image_id(record: Any, found: list[str]) -> str | None:
    """COCO's id, else the corpus's own."""
    if check(Row, record, found) is None:  # no object
        return None
    ids = check(_Id, record, found)
    if ids is None:
        return None
    image_id = ids.imgid if ids.cocoid is None else ids.cocoid
    if image_id is None:
        found.append("neither 'cocoid' nor 'imgid' (an integer or a string)")
        return None
    return str(image_id)


def _entry(
    record: Any, image_id: str | None, folder: Path, inside: Path, found: list[str]
) -> Entry | None:
    """The image of one record, or ``None``, with its faults added to ``found``."""
    if not isinstance(record, dict):
        return None
    file_name = _file_name(record, folder, inside, found)
    checked = check(_Record, record, found)
    if checked is None:
        return None
    cleaned = clean(sentence.raw for sentence in checked.sentences)
    if not cleaned.captions:
        found.append("no caption, or only ones without a word")
    if found or file_name is None or image_id is None:
        return None
    return Entry(
        split=SPLITS[checked.split],
        image=CaptionedImage(image_id, file_name, cleaned.captions),
        normalised=cleaned.normalised,
        empty=cleaned.empty,
    )


def _file_name(record: dict[str, Any], folder: Path, inside: Path, found: list[str]) -> str | None:
    """The file's path relative to the image folder; see :func:`confined_name`."""
    file = check(_File, record, found)
    if file is None:
        return None
    # Joining drops a filepath before an absolute filename, and keeps an absolute filepath.
    name = PurePosixPath(file.filepath or "") / file.filename
    return confined_name(str(name), folder, inside, found)


def _duplicates(entries: Mapping[int, Entry]) -> list[str]:
    """Ids and files of several images, with their positions."""
    ids = {position: entry.image.image_id for position, entry in entries.items()}
    files = {position: repr(entry.image.file_name) for position, entry in entries.items()}
    return [f"image id used several times: {line}" for line in repetitions("image", ids)] + [
        f"file listed several times: {line}" for line in repetitions("image", files)
    ]

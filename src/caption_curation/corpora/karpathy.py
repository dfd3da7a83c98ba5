"""Corpora in Karpathy's JSON format: COCO, Flickr8k and Flickr30k.

The format is that of Karpathy & Fei-Fei, "Deep Visual-Semantic Alignments for Generating Image
Descriptions" (CVPR 2015): ``{"images": [{"filename", "split", "sentences": [{"raw"}, …]}, …]}``.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field
from tqdm import tqdm

from caption_curation.config.inputs import KarpathyFiles, input_key
from caption_curation.corpora.captions import normalise_caption
from caption_curation.corpora.corpus import IMAGES, Corpus
from caption_curation.image_index import digest_of
from caption_curation.pictures.reading import picture_fault
from caption_curation.samples import CaptionedImage, has_word
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.reading import read_json
from caption_curation.support.rows import Identifier, Row, Text, check, repetitions, shown

# COCO's restval images are the rest of val2014 in Karpathy's splits; they belong to train.
SPLITS = {"train": "train", "restval": "train", "val": "val", "test": "test"}
EXPECTED = (
    "expected Karpathy's format: "
    '{"images": [{"filename": …, "split": …, "sentences": [{"raw": …}]}]}'
)
MISSING = "missing"
DECODING_THREADS = 8  # at most; PIL decodes outside Python's global lock


@dataclass(frozen=True, slots=True)
class Entry:
    """One image of the annotation file, checked; ``split`` is ``train``, ``val`` or ``test``.

    ``normalised`` and ``empty`` count captions: those whose white space was changed, and those
    dropped.
    """

    split: str
    image: CaptionedImage
    normalised: int
    empty: int


@dataclass(frozen=True)
class Annotations:
    """What an annotation file lists: all usable entries, and a line for each fault.

    ``name`` is the corpus that the file names (Karpathy's: coco, flickr8k, flickr30k), if any.
    """

    name: str | None
    entries: list[Entry]
    faults: list[str]


def read_karpathy(source: KarpathyFiles, section: str, splits: Collection[str]) -> Corpus:
    """Read and check the given splits: every caption, and every image by decoding it.

    Image ids are ``cocoid`` where there is one, else ``imgid``, as strings.

    Args:
        source: where the annotation file and the images are.
        section: the profile's section that ``source`` comes from, for messages.
        splits: of ``train``, ``val``, ``test``.

    Raises:
        InputError: the folder or the file is missing or has another format, or some of its images
            are unusable; the message lists all faults.
    """
    annotations = read_annotations(source, section)
    folder = image_folder(source, section)
    wanted = [entry for entry in annotations.entries if entry.split in splits]
    unusable = image_faults([entry.image.file_name for entry in wanted], folder, decode=True)
    faults = annotations.faults + [f"file {name!r}: {fault}" for name, fault in unusable.items()]
    if not faults:
        found = {entry.split for entry in wanted}
        faults += [f"split {split}: no images" for split in splits if split not in found]
    if faults:
        raise InputError(list_faults(f"{source.annotations}: faults", faults))
    return Corpus(
        source="karpathy",
        splits={
            split: [entry.image for entry in wanted if entry.split == split] for split in splits
        },
        normalised_captions=sum(entry.normalised for entry in wanted),
        dropped_empty_captions=sum(entry.empty for entry in wanted),
    )


def read_annotations(source: KarpathyFiles, section: str) -> Annotations:
    """The entries of the annotation file, of all splits, without looking at the images.

    Raises:
        InputError: the folder or the file is missing, or the file has another format.
    """
    folder = source.images
    content, records = _read_records(source.annotations, section)
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
    return Annotations(name if isinstance(name, str) else None, list(entries.values()), faults)


def image_folder(source: KarpathyFiles, section: str) -> Path:
    """The existing folder that the annotation file's names are relative to."""
    folder = source.images
    if not folder.is_dir():
        raise InputError(
            f"{input_key(section, 'images')} = {str(source.images)!r}: there is no such folder "
            f"(from {Path.cwd()})"
        )
    return folder


def image_faults(file_names: Sequence[str], folder: Path, *, decode: bool) -> dict[str, str]:
    """What is wrong with image files, by name; good ones are not listed.

    Args:
        file_names: relative to ``folder``.
        folder: of the images.
        decode: whether to decode every pixel; otherwise only the header is read, which finds files
            that are empty or not images, but not those that are truncated.
    """
    threads = min(DECODING_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        faults = list(
            tqdm(
                pool.map(lambda name: _image_fault(folder / name, decode), file_names),
                desc="checking",
                unit="image",
                total=len(file_names),
                disable=None,
            )
        )
    return {name: fault for name, fault in zip(file_names, faults, strict=True) if fault}


def copy_images(corpus: Corpus, source: KarpathyFiles, folder: Path) -> dict[str, str]:
    """Copy the corpus's image files, byte for byte, into ``folder``/images.

    Returns:
        The MD5 of each file, by its name.
    """
    origin = source.images
    digests = {}
    names = [image.file_name for images in corpus.splits.values() for image in images]
    for name in tqdm(names, desc="copying", unit="image", disable=None):
        target = folder / IMAGES / name
        target.parent.mkdir(parents=True, exist_ok=True)
        content = (origin / name).read_bytes()
        target.write_bytes(content)
        digests[name] = digest_of(content)
    return digests


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
            f"'annotations'; {EXPECTED}, as in dataset_coco.json"
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
    file_name = _confined_name(record, folder, inside, found)
    checked = check(_Record, record, found)
    if checked is None:
        return None
    captions = [normalise_caption(sentence.raw) for sentence in checked.sentences]
    kept = [(text, changed) for text, changed in captions if has_word(text)]
    if not kept:
        found.append("no caption, or only ones without a word")
    if found or file_name is None or image_id is None:
        return None
    return Entry(
        split=SPLITS[checked.split],
        image=CaptionedImage(image_id, file_name, tuple(text for text, _ in kept)),
        normalised=sum(changed for _, changed in kept),
        empty=len(captions) - len(kept),
    )


def _confined_name(
    record: dict[str, Any], folder: Path, inside: Path, found: list[str]
) -> str | None:
    """The file's path relative to the image folder, which it must not leave.

    Args:
        record: of the image.
        folder: of the images, as the user names it.
        inside: the same with all links followed.
        found: gets the faults.
    """
    file = check(_File, record, found)
    if file is None:
        return None
    filepath = file.filepath or ""
    name = PurePosixPath(filepath) / file.filename
    # Joining drops a filepath before an absolute filename, and keeps an absolute filepath.
    if name.is_absolute() or ".." in name.parts or "\0" in file.filename + filepath:
        found.append(f"file {str(name)!r} must be a path inside the image folder")
        return None
    try:
        (folder / name).stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # for whoever wants the image
    except OSError as error:
        found.append(f"file {shown(str(name))}: {error.strerror}")
        return None
    if not (folder / name).resolve().is_relative_to(inside):
        found.append(f"file {str(name)!r} is a link that leads out of the image folder {folder}")
        return None
    return str(name)


def _duplicates(entries: Mapping[int, Entry]) -> list[str]:
    """Ids and files of several images, with their positions."""
    ids = {position: entry.image.image_id for position, entry in entries.items()}
    files = {position: repr(entry.image.file_name) for position, entry in entries.items()}
    return [f"image id used several times: {line}" for line in repetitions("image", ids)] + [
        f"file listed several times: {line}" for line in repetitions("image", files)
    ]


def _image_fault(path: Path, decode: bool) -> str | None:
    if not path.is_file():
        return MISSING
    return picture_fault(path, decode=decode)

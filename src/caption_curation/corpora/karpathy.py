"""Corpora in Karpathy's JSON format: COCO, Flickr8k and Flickr30k.

The format is that of Karpathy & Fei-Fei, "Deep Visual-Semantic Alignments for Generating Image
Descriptions" (CVPR 2015): ``{"images": [{"filename", "split", "sentences": [{"raw"}, …]}, …]}``.
"""

import json
import os
from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image
from tqdm import tqdm

from caption_curation.config.profile import KarpathySource
from caption_curation.corpora.captions import normalise_caption
from caption_curation.corpora.corpus import IMAGES, Corpus
from caption_curation.image_index import digest_of
from caption_curation.samples import CaptionedImage
from caption_curation.support.errors import InputError, list_faults

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


def read_karpathy(source: KarpathySource, section: str, splits: Collection[str]) -> Corpus:
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
        raise InputError(list_faults(f"{_annotation_file(source, section)}: faults", faults))
    return Corpus(
        source="karpathy",
        splits={
            split: [entry.image for entry in wanted if entry.split == split] for split in splits
        },
        normalised_captions=sum(entry.normalised for entry in wanted),
        dropped_empty_captions=sum(entry.empty for entry in wanted),
    )


def read_annotations(source: KarpathySource, section: str) -> Annotations:
    """The entries of the annotation file, of all splits, without looking at the images.

    Raises:
        InputError: the folder or the file is missing, or the file has another format.
    """
    folder = _existing_root(source, section) / source.images
    content, records = _read_records(_annotation_file(source, section), section)
    faults: list[str] = []
    entries: list[Entry] = []
    for position, record in enumerate(records):
        entry = _check_record(record, position, folder, faults)
        if entry is not None:
            entries.append(entry)
    faults += _duplicates(entries)
    name = content.get("dataset")
    return Annotations(name if isinstance(name, str) else None, entries, faults)


def image_folder(source: KarpathySource, section: str) -> Path:
    """The existing folder that the annotation file's names are relative to."""
    folder = _existing_root(source, section) / source.images
    if not folder.is_dir():
        raise InputError(f"{section}.images = {source.images!r}: there is no folder {folder}")
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


def copy_images(
    corpus: Corpus, source: KarpathySource, section: str, folder: Path
) -> dict[str, str]:
    """Copy the corpus's image files, byte for byte, into ``folder``/images.

    Returns:
        The MD5 of each file, by its name.
    """
    origin = _existing_root(source, section) / source.images
    digests = {}
    names = [image.file_name for images in corpus.splits.values() for image in images]
    for name in tqdm(names, desc="copying", unit="image", disable=None):
        target = folder / IMAGES / name
        target.parent.mkdir(parents=True, exist_ok=True)
        content = (origin / name).read_bytes()
        target.write_bytes(content)
        digests[name] = digest_of(content)
    return digests


def _annotation_file(source: KarpathySource, section: str) -> Path:
    return _existing_root(source, section) / source.annotations


def _existing_root(source: KarpathySource, section: str) -> Path:
    root = Path(source.root).expanduser().absolute()
    if not root.is_dir():
        raise InputError(
            f"{section}.root = {source.root!r}: there is no folder {root}; give an absolute path, "
            f"for queued experiments run in another directory "
            f"(-S profiles/PROFILE.yaml:{section}.root=/path/to/corpus)"
        )
    return root


def _read_records(annotations: Path, section: str) -> tuple[dict[str, Any], list[Any]]:
    """The file's content, and its ``images``, of which at least one looks like Karpathy's."""
    try:
        content = json.loads(annotations.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError(f"{section}.annotations: there is no file {annotations}") from error
    except ValueError as error:  # not UTF-8, or not JSON
        raise InputError(f"{annotations}: not JSON ({error}); {EXPECTED}") from error
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        raise InputError(
            f"{annotations}: this is COCO's own JSON, with the captions in a separate list, "
            f"'annotations'; {EXPECTED}, as in dataset_coco.json"
        )
    records = content.get("images") if isinstance(content, dict) else None
    if not isinstance(records, list) or not records:
        raise InputError(f"{annotations}: 'images' is missing, empty or not a list; {EXPECTED}")
    if not any(
        isinstance(record, dict) and {"filename", "sentences"} & record.keys() for record in records
    ):
        raise InputError(f"{annotations}: no image has a 'filename' and 'sentences'; {EXPECTED}")
    return content, records


def _check_record(record: Any, position: int, folder: Path, faults: list[str]) -> Entry | None:
    """The image of one record, or ``None``, with its faults added to ``faults``."""
    if not isinstance(record, dict):
        faults.append(f"images[{position}]: expected an object, found {record!r:.60}")
        return None
    found: list[str] = []
    image_id = record.get("cocoid", record.get("imgid"))
    if isinstance(image_id, bool) or not isinstance(image_id, int | str) or image_id == "":
        found.append("neither 'cocoid' nor 'imgid' (a number or a string)")
    split = record.get("split")
    if not isinstance(split, str) or split not in SPLITS:
        found.append(f"split = {split!r} is unknown; allowed: {', '.join(SPLITS)}")
    file_name = _confined_name(record, folder, found)
    captions = _captions(record.get("sentences"), found)
    if found or file_name is None or captions is None or not isinstance(split, str):
        where = f"images[{position}], id {image_id}"
        faults.extend(f"{where}: {fault}" for fault in found)
        return None
    texts = tuple(text for text, _ in captions if text)
    return Entry(
        split=SPLITS[split],
        image=CaptionedImage(str(image_id), file_name, texts),
        normalised=sum(changed for text, changed in captions if text),
        empty=len(captions) - len(texts),
    )


def _confined_name(record: dict[str, Any], folder: Path, found: list[str]) -> str | None:
    """The file's path relative to the image folder, which it must not leave."""
    filename, filepath = record.get("filename"), record.get("filepath", "")
    if not isinstance(filename, str) or not filename or not isinstance(filepath, str):
        found.append("'filename' (and 'filepath', if there is one) must be a string")
        return None
    name = PurePosixPath(filepath) / filename
    # Joining drops a filepath before an absolute filename, and keeps an absolute filepath.
    if name.is_absolute() or ".." in name.parts or "\0" in filename + filepath:
        found.append(f"file {str(name)!r} must be a path inside the image folder")
        return None
    if not (folder / name).resolve().is_relative_to(folder.resolve()):
        found.append(f"file {str(name)!r} is a link that leads out of the image folder {folder}")
        return None
    return str(name)


def _captions(sentences: Any, found: list[str]) -> list[tuple[str, bool]] | None:
    """The normalised captions, with whether that changed them."""
    if not isinstance(sentences, list) or not all(
        isinstance(sentence, dict) and isinstance(sentence.get("raw"), str)
        for sentence in sentences
    ):
        found.append("'sentences' must be a list of objects with the caption as 'raw'")
        return None
    captions = [normalise_caption(sentence["raw"]) for sentence in sentences]
    if not any(text for text, _ in captions):
        found.append("no caption, or only empty ones")
        return None
    return captions


def _duplicates(entries: list[Entry]) -> list[str]:
    ids = Counter(entry.image.image_id for entry in entries)
    files = Counter(entry.image.file_name for entry in entries)
    return [f"image id {key} is used {count} times" for key, count in ids.items() if count > 1] + [
        f"file {key!r} is listed {count} times" for key, count in files.items() if count > 1
    ]


def _image_fault(path: Path, decode: bool) -> str | None:
    if not path.is_file():
        return MISSING
    try:
        with Image.open(path) as image:
            if decode:
                image.load()
    except Exception as error:  # decoders raise whatever they meet in broken files
        return f"unreadable or truncated ({error})"
    return None

"""Corpora in Karpathy's JSON form: COCO, Flickr8k and Flickr30k.

The form is that of Karpathy & Fei-Fei, "Deep Visual-Semantic Alignments for Generating Image
Descriptions" (CVPR 2015): ``{"images": [{"filename", "split", "sentences": [{"raw"}, …]}, …]}``.
"""

import json
import os
import shutil
from collections import Counter
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from PIL import Image
from tqdm import tqdm

from caption_curation.corpora.captions import normalise_caption
from caption_curation.corpora.corpus import IMAGES, Corpus
from caption_curation.errors import InputError, list_faults
from caption_curation.params import KarpathySource
from caption_curation.samples import CaptionedImage

# COCO's restval images are what Karpathy's splits leave over of val2014; they belong to train.
SPLITS = {"train": "train", "restval": "train", "val": "val", "test": "test"}
EXPECTED = (
    "expected Karpathy's form: "
    '{"images": [{"filename": …, "split": …, "sentences": [{"raw": …}]}]}'
)
DECODING_THREADS = 8  # at most; PIL decodes outside Python's global lock


@dataclass(frozen=True, slots=True)
class _Entry:
    """One image of the annotation file, checked."""

    split: str
    image: CaptionedImage
    normalised: int
    empty: int


def read_karpathy(source: KarpathySource, section: str, splits: Collection[str]) -> Corpus:
    """Read and check the given splits: every caption, and every image by decoding it.

    Image ids are ``cocoid`` where there is one, else ``imgid``, as text.

    Args:
        source: where the annotation file and the images are.
        section: the profile's section that ``source`` comes from, for messages.
        splits: of ``train``, ``val``, ``test``.

    Raises:
        InputError: the folder or the file is missing or has another form, or some of its images
            are not usable; lists all of these.
    """
    root = _existing_root(source, section)
    annotations = root / source.annotations
    folder = root / source.images
    records = _read_records(annotations, section)
    if not folder.is_dir():
        raise InputError(f"{section}.images = {source.images!r}: there is no folder {folder}")

    faults: list[str] = []
    entries: list[_Entry] = []
    for position, record in enumerate(records):
        entry = _check_record(record, position, folder, faults)
        if entry is not None:
            entries.append(entry)
    faults += _duplicates(entries)
    wanted = [entry for entry in entries if entry.split in splits]
    faults += _unusable_images([entry.image.file_name for entry in wanted], folder)
    if not faults:
        found = {entry.split for entry in wanted}
        faults += [f"split {split}: no image" for split in splits if split not in found]
    if faults:
        raise InputError(list_faults(f"{annotations}: faults", faults))
    return Corpus(
        source="karpathy",
        splits={split: [one.image for one in wanted if one.split == split] for split in splits},
        normalised_captions=sum(entry.normalised for entry in wanted),
        dropped_empty_captions=sum(entry.empty for entry in wanted),
    )


def copy_images(corpus: Corpus, source: KarpathySource, section: str, folder: Path) -> None:
    """Copy the corpus's image files, byte for byte, into ``folder``/images."""
    origin = _existing_root(source, section) / source.images
    names = [image.file_name for images in corpus.splits.values() for image in images]
    for name in tqdm(names, desc="copying", unit="image", disable=None):
        target = folder / IMAGES / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(origin / name, target)


def _existing_root(source: KarpathySource, section: str) -> Path:
    root = Path(source.root).expanduser().absolute()
    if not root.is_dir():
        raise InputError(
            f"{section}.root = {source.root!r}: there is no folder {root}; give an absolute path, "
            f"for queued experiments run in another directory "
            f"(-S profiles/PROFILE.yaml:{section}.root=/path/to/corpus)"
        )
    return root


def _read_records(annotations: Path, section: str) -> list[Any]:
    """The entries of ``images``, of which at least one looks like Karpathy's."""
    try:
        content = json.loads(annotations.read_text(encoding="utf-8"))
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError(f"{section}.annotations: there is no file {annotations}") from error
    except ValueError as error:  # not UTF-8, or not JSON
        raise InputError(f"{annotations}: not JSON ({error}); {EXPECTED}") from error
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        raise InputError(
            f"{annotations}: this is COCO's own JSON, with captions apart under 'annotations'; "
            f"{EXPECTED}, as in dataset_coco.json"
        )
    records = content.get("images") if isinstance(content, dict) else None
    if not isinstance(records, list) or not records:
        raise InputError(f"{annotations}: no list of 'images' with entries; {EXPECTED}")
    if not any(isinstance(one, dict) and {"filename", "sentences"} & one.keys() for one in records):
        raise InputError(f"{annotations}: no image has a 'filename' and 'sentences'; {EXPECTED}")
    return records


def _check_record(record: Any, position: int, folder: Path, faults: list[str]) -> _Entry | None:
    """The image of one record, or ``None`` and its faults added to ``faults``."""
    if not isinstance(record, dict):
        faults.append(f"images[{position}]: expected an object, found {record!r:.60}")
        return None
    found: list[str] = []
    image_id = record.get("cocoid", record.get("imgid"))
    if isinstance(image_id, bool) or not isinstance(image_id, int | str) or image_id == "":
        found.append("no 'cocoid' and no 'imgid' (a number or text)")
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
    return _Entry(
        split=SPLITS[split],
        image=CaptionedImage(str(image_id), file_name, texts),
        normalised=sum(changed for text, changed in captions if text),
        empty=len(captions) - len(texts),
    )


def _confined_name(record: dict[str, Any], folder: Path, found: list[str]) -> str | None:
    """The file's name relative to the image folder, which it must not leave."""
    filename, filepath = record.get("filename"), record.get("filepath", "")
    if not isinstance(filename, str) or not filename or not isinstance(filepath, str):
        found.append("'filename' (and 'filepath', if there is one) must be text")
        return None
    name = PurePosixPath(filepath) / filename
    # Joining forgets a filepath before an absolute filename, and keeps an absolute filepath.
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


def _duplicates(entries: list[_Entry]) -> list[str]:
    ids = Counter(entry.image.image_id for entry in entries)
    files = Counter(entry.image.file_name for entry in entries)
    return [f"image id {key} is used {count} times" for key, count in ids.items() if count > 1] + [
        f"file {key!r} is listed {count} times" for key, count in files.items() if count > 1
    ]


def _unusable_images(file_names: list[str], folder: Path) -> list[str]:
    """A line for each image that is missing or can't be decoded to its last pixel."""
    threads = min(DECODING_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        faults = list(
            tqdm(
                pool.map(lambda name: _image_fault(folder / name), file_names),
                desc="checking",
                unit="image",
                total=len(file_names),
                disable=None,
            )
        )
    return [
        f"file {name!r}: {fault}" for name, fault in zip(file_names, faults, strict=True) if fault
    ]


def _image_fault(path: Path) -> str | None:
    if not path.is_file():
        return "missing"
    try:
        with Image.open(path) as image:
            image.load()
    except Exception as error:  # decoders raise whatever they meet in broken files
        return f"unreadable or truncated ({error})"
    return None

"""What an input lists, before its pictures are looked at; and the corpus that is made of it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from caption_curation.config.inputs import CorpusFiles, input_key
from caption_curation.corpora.captions import normalise_caption
from caption_curation.corpora.corpus import IMAGES, Corpus, Provenance
from caption_curation.corpora.duplicates.look import Look
from caption_curation.corpora.inside import Inside
from caption_curation.corpora.pictures import (
    copy_pictures,
    look_at_files,
    look_inside,
)
from caption_curation.samples import CaptionedImage, has_word
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.rows import name_rows


@dataclass(frozen=True, slots=True)
class Entry:
    """One image of the input, checked; ``split`` is ``train``, ``val`` or ``test``.

    ``normalised`` and ``empty`` count captions: those whose white space was changed, and those
    dropped. ``where`` is the place in the input, for messages; empty: the file's name is enough.
    ``inside`` is ``None`` where the picture is a file.
    """

    split: str
    image: CaptionedImage
    normalised: int
    empty: int
    where: str = ""
    provenance: Provenance | None = None
    inside: Inside | None = None


@dataclass(frozen=True)
class Listing:
    """All usable entries of an input, and a line for each fault.

    ``name`` is the corpus that the input names (Karpathy's: coco, flickr8k, flickr30k), if any;
    ``repaired`` the number of rows that lacked a delimiter.
    """

    name: str | None
    entries: list[Entry]
    faults: list[str]
    repaired: int = 0


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Captions on one line each, without those that have no word; see :class:`Entry`."""

    captions: tuple[str, ...]
    normalised: int
    empty: int


def clean(texts: Iterable[str]) -> Cleaned:
    """Captions as the pipeline has them; none are left where none has a word."""
    captions = [normalise_caption(text) for text in texts]
    kept = [(text, changed) for text, changed in captions if has_word(text)]
    return Cleaned(
        tuple(text for text, _ in kept),
        sum(changed for _, changed in kept),
        len(captions) - len(kept),
    )


@dataclass(frozen=True, slots=True)
class Where:
    """The place of a row: its file (empty where there is one only), what a row is called, which."""

    file: str
    row: str
    number: int | str

    def __str__(self) -> str:
        return _place(self.file, self.row, [self.number])


@dataclass(frozen=True)
class PlacedFaults:
    """Faults by place: rows with the same fault are one line of a message."""

    _where: dict[tuple[str, str, str], list[int | str]] = field(default_factory=dict)

    def add(self, where: Where, fault: str) -> None:
        """Note what is wrong with a row."""
        self._where.setdefault((where.file, where.row, fault), []).append(where.number)

    def lines(self) -> list[str]:
        """One for each fault of a file, with the first rows that have it."""
        return [
            f"{_place(file, row, numbers)}: {fault}"
            for (file, row, fault), numbers in self._where.items()
        ]


def rows_at(places: Iterable[Where]) -> str:
    """Several places in a few words: ``line 3``, or ``captions.csv, lines 3, 4, 5 and 7 more``."""
    by_file: dict[tuple[str, str], list[int | str]] = {}
    for place in places:
        by_file.setdefault((place.file, place.row), []).append(place.number)
    return "; ".join(_place(file, row, numbers) for (file, row), numbers in by_file.items())


def _place(file: str, row: str, numbers: list[int | str]) -> str:
    rows = name_rows(row, numbers)
    return f"{file}, {rows}" if file else rows


def image_folder(folder: Path, section: str) -> Path:
    """The folder that file names are relative to, if it exists.

    Raises:
        InputError: it does not.
    """
    if not folder.is_dir():
        raise InputError(
            f"{input_key(section, 'images')} = {str(folder)!r}: there is no such folder "
            f"(from {Path.cwd()})"
        )
    return folder


def checked_corpus(
    listing: Listing,
    source: str,
    files: CorpusFiles,
    section: str,
    splits: Collection[str],
    *,
    title: str,
) -> Corpus:
    """The corpus of the given splits, every picture decoded once.

    Args:
        listing: of the input.
        source: the kind that the profile names.
        files: where the input and its images are.
        section: the profile's section, for messages.
        splits: of ``train``, ``val``, ``test``.
        title: of the input, for messages.

    Raises:
        InputError: the input has faults, some of its images are unusable, or there is no folder of
            them; the message lists all faults.
    """
    wanted = [entry for entry in listing.entries if entry.split in splits]
    looks, unreadable = _look_at_pictures(wanted, files, section)
    faults = listing.faults + unreadable
    if not faults:
        found = {entry.split for entry in wanted}
        faults = [f"split {split}: no images" for split in splits if split not in found]
    if faults:
        raise InputError(list_faults(f"{title}: faults", faults))
    return Corpus(
        source=source,
        splits={
            split: [entry.image for entry in wanted if entry.split == split] for split in splits
        },
        normalised_captions=sum(entry.normalised for entry in wanted),
        dropped_empty_captions=sum(entry.empty for entry in wanted),
        repaired_rows=listing.repaired,
        provenance=[entry.provenance for entry in wanted if entry.provenance],
        inside={entry.image.file_name: entry.inside for entry in wanted if entry.inside},
        looks=looks,
    )


def _look_at_pictures(
    wanted: list[Entry], files: CorpusFiles, section: str
) -> tuple[dict[str, Look], list[str]]:
    """A look at each picture by name, and a line for each that cannot be read."""
    names = [entry.image.file_name for entry in wanted if entry.inside is None]
    inside = {entry.image.file_name: entry.inside for entry in wanted if entry.inside}
    looks, faults = look_inside(inside)
    if names:
        try:
            folder = image_folder(files.images, section)
        except InputError as error:
            return {}, [str(error)]
        of_files = look_at_files(names, folder)
        looks, faults = looks | of_files[0], faults | of_files[1]
    return looks, [
        f"{entry.where and f'{entry.where}: '}file {name!r}: {faults[name]}"
        for entry in wanted
        for name in [entry.image.file_name]
        if name in faults
    ]


def copy_images(corpus: Corpus, files: CorpusFiles, folder: Path) -> dict[str, str]:
    """Copy the corpus's pictures, byte for byte, into ``folder``/images.

    Returns:
        The MD5 of each file, by its name.
    """
    names = (image.file_name for images in corpus.splits.values() for image in images)
    return copy_pictures(names, corpus.inside, files.images, folder / IMAGES)

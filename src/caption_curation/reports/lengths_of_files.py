"""How long the captions in files of several corpora are, whatever form they have."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from caption_curation.reports.page.caption_lengths import caption_lengths
from caption_curation.reports.page.html import write_page_folder
from caption_curation.reports.page.style import to_svg
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.reading import iterate_json_values, read_json
from caption_curation.support.rows import Faults

WIDTH = 6.3  # inches: the text of an A4 page
FORMS = (
    "Karpathy's JSON (images with sentences), COCO's (annotations with a caption), or "
    "JSON Lines with captions or caption"
)


def compare_lengths(files: Sequence[str], folder: Path) -> list[str]:
    """Write caption_lengths.svg, .png and .csv into a folder, which is made or replaced.

    Args:
        files: ``NAME=FILE`` of each corpus.
        folder: to write into; an existing one must be of these files alone, or empty.

    Returns:
        A line about each corpus.

    Raises:
        InputError: names or files are not as they should be, or the folder is another; all faults
            of the arguments, or of the first bad file, are listed.
    """
    named = _named(files)
    _refuse_other_folder(folder)
    lengths = {name: _lengths(file) for name, file in named.items()}
    figure = caption_lengths(lengths, WIDTH)
    svg = to_svg(figure, f"Length of the captions of {', '.join(lengths)}, in words")
    texts = {"caption_lengths.svg": svg, "caption_lengths.csv": _csv(lengths)}
    write_page_folder(folder, texts, {"caption_lengths": figure})
    return [
        f"{name}: {counts.total():,} captions of {_mean(counts):.1f} words on average"
        for name, counts in lengths.items()
    ]


def captions_in(path: Path) -> list[str]:
    """All captions of a file.

    Raises:
        InputError: it cannot be read, has another form, or no caption.
    """
    found = list(_of_lines(path) if path.suffix == ".jsonl" else _of_json(path))
    if not found:
        raise InputError(f"{path}: no captions; expected {FORMS}")
    return found


def _named(files: Sequence[str]) -> dict[str, Path]:
    faults, named = [], {}
    for argument in files:
        name, sign, file = argument.partition("=")
        if not (name and sign and file):
            faults.append(f"{argument!r}: expected NAME=FILE")
        elif name in named:
            faults.append(f"{argument!r}: the name is there twice")
        else:
            named[name] = Path(file)
    if faults:
        raise InputError(list_faults("corpora", faults))
    return named


def _refuse_other_folder(folder: Path) -> None:
    if folder.exists():
        ours = {f"caption_lengths.{kind}" for kind in ("svg", "png", "csv")}
        others = [] if not folder.is_dir() else [path.name for path in folder.iterdir()]
        if not folder.is_dir() or set(others) - ours:
            raise InputError(f"--to {folder}: there is something else already")


def _of_lines(path: Path) -> Iterator[str]:
    faults = Faults("line")
    for number, value in iterate_json_values(path, faults.add):
        texts = _texts(value, "captions", "caption")
        if texts is None:
            faults.add(number, "neither a list 'captions' nor a 'caption'")
        else:
            yield from texts
    faults.refuse(path, FORMS)


def _of_json(path: Path) -> Iterator[str]:
    content = read_json(path)
    records = content if isinstance(content, dict) else {}
    faults = Faults("entry")
    for key, inner in (("annotations", "caption"), ("images", "sentences")):
        entries = records.get(key)
        if not isinstance(entries, list) or not any(
            isinstance(entry, dict) and inner in entry for entry in entries
        ):
            continue
        for number, entry in enumerate(entries):
            texts = _texts(entry, inner, inner)
            if texts is None:
                faults.add(number, f"no {inner!r}")
            else:
                yield from texts
        break
    faults.refuse(path, FORMS)


def _texts(entry: Any, several: str, one: str) -> list[str] | None:
    """The captions of an entry: texts, or objects with a text ``raw``."""
    if not isinstance(entry, dict):
        return None
    found = entry.get(several, entry.get(one))
    texts = [
        each.get("raw") if isinstance(each, dict) else each
        for each in (found if isinstance(found, list) else [found])
    ]
    return texts if all(isinstance(text, str) for text in texts) else None  # type: ignore[return-value]


def _lengths(path: Path) -> Counter[int]:
    return Counter(len(caption.split()) for caption in captions_in(path))


def _mean(counts: Counter[int]) -> float:
    return sum(length * number for length, number in counts.items()) / counts.total()


def _csv(lengths: dict[str, Counter[int]]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(["corpus", "words", "captions"])
    for name, counts in lengths.items():
        writer.writerows([name, words, number] for words, number in sorted(counts.items()))
    return written.getvalue()

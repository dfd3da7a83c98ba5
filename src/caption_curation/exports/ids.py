"""A decision as ids, in the manner of DataComp: which samples of the corpus stay, and no data.

``ids.txt`` has the ids of those samples that are what they were, one a line, sorted: a sample that
was removed did not stay, nor did one whose caption or picture was replaced. ``ids.json`` says of
which corpus they are, and what became of the others.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from caption_curation.exports.rows import Contents
from caption_curation.samples import Sample
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.outputs import write_atomically
from caption_curation.support.reading import read_text
from caption_curation.support.rows import repetitions

IDS = "ids.txt"
ABOUT = "ids.json"
TRAIN = "train"


def write_ids(contents: Contents, folder: Path) -> None:
    """Write the ids of the training samples that stay, and how many there are."""
    rows = contents.splits[TRAIN]
    ids = sorted(row.sample_id for row in rows if row.action is None)
    text = "".join(f"{each}\n" for each in ids)
    write_atomically(folder / IDS, text)
    about: dict[str, Any] = {
        "what": "ids of the samples (IMAGE_ID#POSITION of the caption, from 0) that stay as they "
        "were in the corpus's training split; all others do not",
        "stay": len(ids),
        "training_set": len(rows),
        "corpus": contents.about.corpus_samples,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "provenance": dict(contents.about.provenance),
        "parameters": dict(contents.about.parameters),
    }
    write_atomically(folder / ABOUT, json.dumps(about, indent=2) + "\n")


def read_ids(path: Path) -> list[str]:
    """The ids of a file, sorted.

    Raises:
        ValueError: it cannot be read, holds none, or one twice.
    """
    lines = {
        number: line
        for number, line in enumerate(read_text(path).split("\n"), start=1)
        if line.strip()
    }
    if not lines:
        raise InputError(f"{path}: holds no ids")
    if repeated := repetitions("line", lines):
        raise InputError(list_faults(f"{path}: ids that are there several times", repeated))
    return sorted(lines.values())


def keep_ids(samples: Sequence[Sample], ids: Iterable[str]) -> list[Sample]:
    """The samples of these ids, in their order.

    Raises:
        ValueError: ids of no sample; all are listed.
    """
    wanted = set(ids)
    unknown = sorted(wanted - {sample.sample_id for sample in samples})
    if unknown:
        raise InputError(list_faults("ids of no sample", unknown))
    return [sample for sample in samples if sample.sample_id in wanted]

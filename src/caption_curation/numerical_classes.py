"""Which arithmetic results were computed in: the small file beside each of them.

Machines of one *numerical class* compute equal bytes from equal inputs, see
:mod:`caption_curation.compute.numerical_class`. A class file names the classes that a result was
computed in: none if no model ran for it; one, as a rule; several where images were drawn on
different machines, and found in the store.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from caption_curation.support.outputs import write_atomically

ENDING = ".class.json"
MACHINES = Path("caption_curation") / "machines.jsonl"  # in DVC's cache: which machine was what
CLASSES = "classes.json"  # in a history
UNKNOWN = "unknown"  # of results that were computed before classes were recorded

# Of a history: by kind of result, by epoch, the classes.
EpochClasses = dict[str, dict[str, list[str]]]


def class_file(result: Path) -> Path:
    """Where the classes of a result stand: ``losses.class.json`` beside ``losses.jsonl``."""
    return result.with_name(result.stem + ENDING)


def write_classes(result: Path, classes: Iterable[str]) -> None:
    """Write the class file of a result, whether that is there yet or not."""
    file = class_file(result)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps({"classes": sorted(set(classes))}) + "\n")


def read_classes(file: Path) -> list[str]:
    """The classes that a class file names; :data:`UNKNOWN` if there is no such file."""
    if not file.is_file():
        return [UNKNOWN]
    classes: list[str] = json.loads(file.read_text(encoding="utf-8"))["classes"]
    return classes


def write_epoch_classes(file: Path, classes: Mapping[str, Mapping[str, Iterable[str]]]) -> None:
    """Write the classes of all epochs of a run."""
    write_atomically(file, json.dumps(classes, indent=1, sort_keys=True) + "\n")


def read_epoch_classes(file: Path) -> EpochClasses:
    """The classes of all epochs of a run; none if there is no such file."""
    if not file.is_file():
        return {}
    classes: EpochClasses = json.loads(file.read_text(encoding="utf-8"))
    return classes

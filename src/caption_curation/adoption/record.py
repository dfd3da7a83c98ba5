"""What adoptions did, written down beside DVC's cache: from which version each result came."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from caption_curation.support.errors import InputError
from caption_curation.support.outputs import write_atomically
from caption_curation.support.sections import Section
from caption_curation.text_to_image.image_store.adopted import (
    Libraries,
    adoptions_folder,
    standing_adoptions,
)

UNDONE = ".undone"


class AdoptedRun(Section):
    """A run that was added to the run cache.

    ``computed_by`` is the commit whose code computed it, ``key`` and ``value`` name it in the run
    cache, and ``source`` is (key, value) of the run that it was made from.
    """

    stage: str
    key: str
    value: str
    source: list[str]
    computed_by: str
    filled: list[str]


class AdoptedStage(Section):
    """A stage of a dvc.lock in the workspace: ``before`` and ``after``."""

    before: dict[str, Any]
    after: dict[str, Any]


class AdoptedExperiment(Section):
    """A recorded experiment: its git ``reference`` to ``commit``, and the ``origin`` of that."""

    name: str
    reference: str
    commit: str
    origin: str


class Adoption(Section):
    """All that one adoption added and changed.

    ``libraries`` are those that adopted images were drawn with, ``objects`` the MD5s of what was
    added to DVC's cache beside runs (older records have none), ``locks`` are stages by dvc.lock and
    name, ``when`` is the date and time in UTC.
    """

    since: str
    head: str
    when: str
    libraries: list[Libraries]
    objects: Annotated[list[str], Field(default_factory=list)]
    runs: list[AdoptedRun]
    locks: dict[str, dict[str, AdoptedStage]]
    experiments: list[AdoptedExperiment]


_FORM = TypeAdapter(Adoption)


def adoptions(cache: Path) -> dict[Path, Adoption]:
    """The adoptions that have not been undone, by their files, the oldest first.

    Args:
        cache: DVC's cache folder.

    Raises:
        InputError: a file is damaged.
    """
    found = {}
    for path in standing_adoptions(cache):
        try:
            found[path] = _FORM.validate_json(path.read_bytes())
        except ValueError as error:
            raise InputError(f"{path}: not the record of an adoption: {error}") from error
    return found


def add(cache: Path, adoption: Adoption) -> Path:
    """Write an adoption down; returns its file."""
    folder = adoptions_folder(cache)
    numbers = [int(path.name.partition(".")[0]) for path in folder.glob("[0-9]*.json")]
    path = folder / f"{max(numbers, default=0) + 1:04}.json"
    write_atomically(path, adoption.model_dump_json(indent=1) + "\n")
    return path


def set_undone(path: Path) -> None:
    """Say that an adoption has been undone; what it did stays readable."""
    path.rename(path.with_name(f"{path.stem}{UNDONE}{path.suffix}"))


def computed_by(known: Mapping[Path, Adoption]) -> dict[tuple[str, str], str]:
    """The commit that computed each adopted run, by its key and value."""
    return {
        (run.key, run.value): run.computed_by
        for adoption in known.values()
        for run in adoption.runs
    }

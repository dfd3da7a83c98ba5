"""A study: named groups of experiments that together answer a question, from a YAML file.

Every group is a list of grids, and a grid is a table of parameters with one or several values each;
all combinations are run (:mod:`~caption_curation.experiments.study_plan`).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from caption_curation.experiments.set_param import Value
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.sections import Section, load_section

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
# Of a parameter: that of params.yaml, or `profiles/NAME.yaml:` and that of the profile.
Key = Annotated[str, Field(pattern=r"^(profiles/[\w-]+\.yaml:)?\w+(\.\w+)*$")]


class Group(Section):
    """Experiments that answer one question together.

    ``grids`` hold dotted keys of params.yaml, or ``profiles/NAME.yaml:KEY``.
    """

    name: Name
    title: Annotated[str, Field(min_length=1)]
    question: str
    grids: Annotated[list[dict[Key, Value | list[Value]]], Field(min_length=1)]


class Study(Section):
    """A study file.

    ``parameters`` are those that all experiments share, by the same keys as in grids; a key that
    neither they nor a grid have keeps its value of params.yaml or of the profile.
    """

    title: Annotated[str, Field(min_length=1)]
    parameters: dict[Key, Value]
    groups: Annotated[list[Group], Field(min_length=1)]


def load_studies(paths: Sequence[Path], groups: Sequence[str] | None = None) -> dict[Path, Study]:
    """Read study files.

    Args:
        paths: of the files, at least one.
        groups: the names of those to keep; ``None``: all.

    Raises:
        InputError: with one line for every fault; also where no file has a group.
    """
    studies = {path: load_section(Study, path) for path in dict.fromkeys(paths)}
    faults = []
    for path, study in studies.items():
        for attribute in ("name", "title"):
            names = [getattr(group, attribute) for group in study.groups]
            repeated = sorted({name for name in names if names.count(name) > 1})
            faults += [f"{path}: groups: two are called {name}" for name in repeated]
    known = dict.fromkeys(group.name for study in studies.values() for group in study.groups)
    faults += [
        f"--groups: no study has {name}; there are: {', '.join(known)}"
        for name in groups or ()
        if name not in known
    ]
    if faults:
        raise InputError(list_faults("invalid study", faults))
    if groups is None:
        return studies
    return {
        path: study.model_copy(
            update={"groups": [group for group in study.groups if group.name in groups]}
        )
        for path, study in studies.items()
    }


def groups_of(studies: Iterable[Study]) -> dict[str, Group]:
    """The groups by name; of those of one name in several files, the first one's words count."""
    found: dict[str, Group] = {}
    for study in studies:
        for group in study.groups:
            found.setdefault(group.name, group)
    return found

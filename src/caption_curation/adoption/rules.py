"""``adoptable.yaml``: what may be assumed of results that another version of the code computed."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field

from caption_curation.support.sections import InvalidParams, Section, invalid, validate

ADOPTABLE = Path("adoptable.yaml")
ANY = "*"
SEPARATOR = ": "

# `FILE: KEY`, a file with its dotted key; the file may be a pattern.
Parameter = Annotated[str, Field(pattern=r"^\S+: \S+$")]


class Renamed(Section):
    """What has another name now: ``parameters`` ``FILE: OLD`` → ``NEW``, ``inputs`` old → new path.

    A section or a folder stands for all that is in it.
    """

    parameters: dict[Parameter, str]
    inputs: dict[str, str]


class Dropped(Section):
    """What is read no longer: the value or MD5 at which the result is that of today; ``*``: any."""

    parameters: dict[Parameter, Any]
    inputs: dict[str, str]


class Adoptable(Section):
    """The file's content.

    Attributes:
        code: paths of dependencies that are code; it changes, and results stay.
        results: how often what a stage writes has changed on purpose, by the stage's name, which
            may be a pattern; once at first. Results from before the last change are not adopted.
        parameters: what is read newly, with the value at which a stage does what it did before.
        inputs: what is depended on newly, with the MD5 of the content of which the same is true.
        added: files that a stage writes newly beside what it wrote before, or patterns of them,
            with the text that stands for them in results of before.
        derived: files, or patterns of them, that a stage writes into a folder beside what it wrote
            there before, and makes of that alone.
        renamed: see there.
        dropped: see there.
    """

    code: list[str]
    results: dict[str, Annotated[int, Field(ge=2)]]
    parameters: dict[Parameter, Any]
    inputs: dict[str, str]
    added: Annotated[dict[str, str], Field(default_factory=dict)]  # older versions have none
    derived: list[str]
    renamed: Renamed
    dropped: Dropped

    def is_code(self, path: str) -> bool:
        """Whether a dependency is replaced by what it is now."""
        return any(within(path, folder) for folder in self.code)

    def changes(self, stage: str) -> int:
        """How often what a stage writes has changed."""
        return max([1, *(n for name, n in self.results.items() if fnmatchcase(stage, name))])

    def addition(self, path: str) -> str | None:
        """The key in ``added`` of an output that results of before may lack."""
        return next((name for name in self.added if fnmatchcase(path, name)), None)

    def is_derived(self, path: str) -> bool:
        """Whether a file follows from the others of its folder."""
        return any(fnmatchcase(path, pattern) for pattern in self.derived)

    def neutral(self, file: str) -> dict[str, Any]:
        """Keys and neutral values of the parameters that are stated for a file."""
        return dict(_of_file(self.parameters.items(), file))

    def new_key(self, file: str, key: str) -> str:
        """What a parameter is called now."""
        for old, new in _of_file(self.renamed.parameters.items(), file):
            if key == old or key.startswith(f"{old}."):
                return f"{new}{key[len(old) :]}"
        return key

    def new_path(self, path: str) -> str:
        """Where data lie now."""
        for old, new in self.renamed.inputs.items():
            if within(path, old):
                return f"{new}{path[len(old) :]}"
        return path

    def may_drop_parameter(self, file: str, key: str, value: Any) -> bool:
        """Whether a result is that of today although a stage reads this no longer."""
        return any(
            (key == stated or key.startswith(f"{stated}.")) and neutral in (ANY, value)
            for stated, neutral in _of_file(self.dropped.parameters.items(), file)
        )

    def may_drop_input(self, path: str, md5: str) -> bool:
        """The same of data."""
        return any(
            within(path, stated) and neutral in (ANY, md5)
            for stated, neutral in self.dropped.inputs.items()
        )


def parse_adoptable(text: str) -> Adoptable:
    """Read ``adoptable.yaml``.

    Raises:
        InvalidParams: with one line for every fault.
    """
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidParams(f"{ADOPTABLE}: not valid YAML: {error}") from error
    faults: list[str] = []
    if not isinstance(raw, dict):
        raise InvalidParams(f"{ADOPTABLE}: expected keys and values, found {raw!r}")
    adoptable = validate(Adoptable, raw, ADOPTABLE, faults)
    if adoptable is None:
        raise invalid(faults)
    return adoptable


def within(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies in it."""
    return path == folder or path.startswith(f"{folder}/")


def _of_file(stated: Iterable[tuple[str, Any]], file: str) -> Iterable[tuple[str, Any]]:
    for parameter, value in stated:
        pattern, _, key = parameter.partition(SEPARATOR)
        if fnmatchcase(file, pattern):
            yield key, value

"""A study: named groups of experiments that together answer a question, from a YAML file.

Every group is a list of grids, and a grid is a table of parameters with one or several values each;
all combinations are run. An experiment that several groups need is run once.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from caption_curation.config.experiment import Experiment
from caption_curation.curation.settings import Curation
from caption_curation.experiments.variants import Variant, variant_of
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.sections import Section, load_section

Value = bool | int | float | Annotated[str, Field(pattern=r"^[\w.-]+$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]


class Group(Section):
    """Experiments that answer one question together.

    ``grids`` hold keys of params.yaml: ``seed`` and those of ``curation``, dotted.
    """

    name: Name
    title: Annotated[str, Field(min_length=1)]
    question: str
    grids: Annotated[list[dict[str, Value | list[Value]]], Field(min_length=1)]


class Study(Section):
    """A study file.

    ``parameters`` are those that all experiments share, by dotted key of params.yaml; a key that
    neither they nor a grid have keeps its value of params.yaml.
    """

    title: Annotated[str, Field(min_length=1)]
    parameters: dict[str, Value]
    groups: Annotated[list[Group], Field(min_length=1)]


@dataclass(frozen=True)
class Planned:
    """An experiment of a study.

    Attributes:
        name: the same whenever the study is read.
        experiment: all its parameters.
        settings: what is set of them, as ``dvc exp run --set-param`` takes it.
        groups: the names of the groups that it is in.
    """

    name: str
    experiment: Experiment
    settings: Sequence[str]
    groups: Sequence[str]

    @property
    def variant(self) -> Variant:
        """What its curation does."""
        return variant_of(self.experiment.curation)

    @property
    def key(self) -> tuple[object, ...]:
        """Experiments of one key have the same results."""
        return result_key(self.experiment)


def result_key(experiment: Experiment) -> tuple[object, ...]:
    """All parameters that an experiment's results depend on."""
    others = experiment.model_dump(exclude={"seed", "curation"})
    return variant_of(experiment.curation), experiment.seed, repr(others)


def load_study(path: Path) -> Study:
    """Read a study file.

    Raises:
        InputError: with one line for every fault.
    """
    return load_section(Study, path)


def plan(study: Study, path: Path, parameters: Mapping[str, Any]) -> list[Planned]:
    """The experiments of a study, in the order in which to run them.

    Those without curation come first: DVC's run cache then has the first epoch of every seed,
    which all dynamic experiments of that seed share.

    Args:
        study: read from ``path``, whose name begins the experiments' names.
        parameters: the content of params.yaml.

    Raises:
        InputError: with one line for every fault of any experiment.
    """
    faults: list[str] = []
    groups_of: dict[tuple[object, ...], list[str]] = {}
    experiments: dict[tuple[object, ...], Experiment] = {}
    for attribute in ("name", "title"):
        names = [getattr(group, attribute) for group in study.groups]
        faults += [f"{path}: groups: two are called {name}" for name in _repeated(names)]
    for group in study.groups:
        for number, grid in enumerate(group.grids):
            where = f"{path}: groups.{group.name}.grids.{number}"
            for key in grid:
                if key != "seed" and key.removeprefix("curation.") not in Curation.model_fields:
                    faults.append(
                        f"{where}.{key}: allowed are seed and curation.*; what all experiments "
                        "share goes into parameters"
                    )
            for values in _combinations(grid):
                found = _experiment({**study.parameters, **values}, parameters, where, faults)
                if found is not None:
                    experiments.setdefault(result_key(found), found)
                    groups_of.setdefault(result_key(found), []).append(group.name)
    if faults:
        raise InputError(list_faults("invalid study", list(dict.fromkeys(faults))))
    planned = [
        Planned(
            f"{path.stem}-{variant_of(experiment.curation).slug}-seed{experiment.seed}",
            experiment,
            _settings(study, experiment),
            list(dict.fromkeys(groups_of[key])),
        )
        for key, experiment in experiments.items()
    ]
    return sorted(planned, key=lambda experiment: experiment.variant.method != "none")


def _combinations(grid: Mapping[str, Any]) -> list[dict[str, Any]]:
    lists = [value if isinstance(value, list) else [value] for value in grid.values()]
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*lists)]


def _experiment(
    values: Mapping[str, Any], parameters: Mapping[str, Any], where: str, faults: list[str]
) -> Experiment | None:
    changed = {
        key: dict(value) if isinstance(value, Mapping) else value
        for key, value in parameters.items()
    }
    for key, value in values.items():
        section, _, last = key.rpartition(".")
        target = changed.get(section) if section else changed
        if not isinstance(target, dict) or last not in target:
            faults.append(f"{where}: {key}: params.yaml has no such key")
            return None
        target[last] = value
    try:
        return Experiment.model_validate(changed)
    except ValidationError as error:
        for fault in error.errors():
            key = ".".join(str(part) for part in fault["loc"])
            shown = "" if isinstance(fault["input"], dict) else f" = {fault['input']!r}"
            faults.append(f"{where}: {key}{shown}: {fault['msg'].removeprefix('Value error, ')}")
        return None


def _settings(study: Study, experiment: Experiment) -> list[str]:
    """Everything that the study sets, and all of curation, whatever params.yaml says by then."""
    values = {**study.parameters, "seed": experiment.seed}
    values |= {f"curation.{key}": value for key, value in experiment.curation}
    return [
        f"{key}={str(value).lower() if value is True or value is False else value}"
        for key, value in values.items()
    ]


def _repeated(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})

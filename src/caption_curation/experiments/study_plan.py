"""What a study's files plan: every experiment once, validated, with what DVC is to set."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from caption_curation.config.experiment import Experiment
from caption_curation.config.params import PARAMS_FILE, PROFILES_FOLDER, Params
from caption_curation.config.profile import Profile
from caption_curation.curation.actions import generates_images
from caption_curation.experiments.set_param import Value, set_param, value_as_read
from caption_curation.experiments.study import Study
from caption_curation.experiments.variants import Variant, generator_of, variant_of
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.sections import read_yaml, validate

Values = Mapping[str, Value]


@dataclass(frozen=True)
class Planned:
    """An experiment of a study.

    Attributes:
        name: the same whenever the study is read.
        params: all its parameters, those of its profile too.
        settings: what is set of them, as ``dvc exp run --set-param`` takes it.
        groups: the names of the groups that it is in.
    """

    name: str
    params: Params
    settings: Sequence[str]
    groups: Sequence[str]

    @property
    def experiment(self) -> Experiment:
        """Its parameters in params.yaml."""
        return self.params.experiment

    @property
    def variant(self) -> Variant:
        """What its curation does."""
        return variant_of(self.experiment.curation)

    @property
    def key(self) -> tuple[object, ...]:
        """Experiments of one key have the same results."""
        return result_key(self.params)


def result_key(params: Params) -> tuple[object, ...]:
    """All parameters that an experiment's results depend on."""
    experiment = params.experiment
    variant = variant_of(experiment.curation)
    seeds = experiment.seed, generator_of(variant, experiment.generator_seed)
    others = experiment.model_dump(exclude={"seed", "generator_seed", "curation"})
    return variant, seeds, repr(others), repr(params.profile.model_dump())


def plan(studies: Mapping[Path, Study], root: Path = Path()) -> list[Planned]:
    """The experiments of studies, in the order in which to run them.

    Those without curation come first: DVC's run cache then has the first epoch of every seed,
    which all dynamic experiments of that seed share.

    Args:
        studies: by their file, whose name begins the names of its experiments.
        root: the repository's root folder, whose params.yaml and profiles are changed.

    Raises:
        InputError: with one line for every fault of any experiment.
    """
    faults: list[str] = []
    files = _Files(root)
    planned: dict[tuple[object, ...], Planned] = {}
    for path, study in studies.items():
        for where, group, combination in _combinations(study, path):
            values = {**study.parameters, **combination}
            params = files.params(values, where, faults)
            if params is None:
                continue
            key = result_key(params)
            if key not in planned:
                unnamed = {"seed"}
                if not generates_images(params.experiment.curation.method):
                    unnamed.add("generator_seed")  # one experiment for all generators
                apart = {
                    name: value
                    for name, value in combination.items()
                    if name not in unnamed and not name.startswith("curation.")
                    if name not in study.parameters or value != study.parameters[name]
                }
                name = _name(path.stem, apart, params.experiment)
                planned[key] = Planned(name, params, _settings(values, params.experiment), [])
            found = planned[key]
            groups = list(dict.fromkeys([*found.groups, group]))
            planned[key] = Planned(found.name, found.params, found.settings, groups)
    if faults:
        raise InputError(list_faults("invalid study", list(dict.fromkeys(faults))))
    return sorted(planned.values(), key=lambda experiment: experiment.variant.method != "none")


def _combinations(study: Study, path: Path) -> Iterator[tuple[str, str, Values]]:
    """Each combination of each grid, after where it stands and the name of its group."""
    for group in study.groups:
        for number, grid in enumerate(group.grids):
            lists = [value if isinstance(value, list) else [value] for value in grid.values()]
            for values in itertools.product(*lists):
                where = f"{path}: groups.{group.name}.grids.{number}"
                yield where, group.name, dict(zip(grid, values, strict=True))


class _Files:
    """params.yaml and profiles, as they are when some values are set."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read = cache(lambda name: read_yaml(root / name))
        self._as_read = cache(_as_read)

    def params(self, values: Values, where: str, faults: list[str]) -> Params | None:
        """The parameters with these values, or ``None`` and a line in ``faults`` for every fault.

        Args:
            values: by key.
            where: in which file they stand, for messages.
            faults: is appended to.
        """
        before = len(faults)
        contents = {PARAMS_FILE.name: deepcopy(self._read(PARAMS_FILE.name))}
        profile = values.get("profile", contents[PARAMS_FILE.name].get("profile"))
        file = (PROFILES_FOLDER / f"{profile}.yaml").as_posix()
        if (self._root / file).is_file():
            contents[file] = deepcopy(self._read(file))
        else:
            available = sorted(path.stem for path in (self._root / PROFILES_FOLDER).glob("*.yaml"))
            faults.append(
                f"{where}: profile = {profile!r}: there is no such profile; allowed: "
                + ", ".join(available)
            )
        otherwise_read = []
        for name, value in values.items():
            fault = self._set(contents, name, value)
            if fault:
                faults.append(f"{where}: {name}{fault}")
            elif (read := self._as_read(_kind(value), value)) != (_kind(value), value):
                otherwise_read.append(
                    f"{where}: {name} = {value!r}: `dvc exp run` would write it so that it is read "
                    f"as {read[1]!r}"
                )
        if len(faults) > before:
            return None
        experiment = validate(Experiment, contents[PARAMS_FILE.name], where, faults)
        found = validate(Profile, contents[file], f"{where}: {file}", faults)
        if experiment is None or found is None:
            faults += otherwise_read
            return None
        return Params(experiment=experiment, profile=found)

    def _set(self, contents: Mapping[str, dict[str, Any]], name: str, value: Value) -> str | None:
        """Set a value as the stages will read it; what is wrong with it, if anything."""
        file, key = _place(name)
        if file not in contents:
            return f": the experiment's profile is another: {', '.join([*contents][1:])}"
        *parents, last = key.split(".")
        target: Any = contents[file]
        for parent in parents:
            target = target.get(parent) if isinstance(target, dict) else None
        if not isinstance(target, dict) or last not in target:
            return f": {file} has no such key"
        try:
            target[last] = self._as_read(_kind(value), value)[1]
        except InputError as error:
            return f" = {value!r}: {error}"
        return None


def _as_read(kind: str, value: Value) -> tuple[str, Value]:
    """A value as the stages read it, after its type; ``kind`` tells 1 from True in a cache."""
    read = value_as_read(value)
    return _kind(read), read


def _kind(value: Value) -> str:
    return type(value).__name__


def _place(name: str) -> tuple[str, str]:
    """The file of a study's key, and the key in it."""
    file, _, key = name.rpartition(":")
    return file or PARAMS_FILE.name, key


def _name(study: str, apart: Values, experiment: Experiment) -> str:
    """A name that only one experiment has: with what a grid sets apart from the study's own."""
    words = [f"{_place(key)[1]}_{_word(value)}" for key, value in apart.items()]
    slug = variant_of(experiment.curation).slug
    return "-".join([study, *words, slug, f"seed{experiment.seed}"])


def _word(value: Value) -> str:
    """A value in a name: as it is written, or its digest where git would not allow that."""
    text = str(value)
    return text if re.fullmatch(r"\w+([.-]\w+)*", text) else sha256(text.encode()).hexdigest()[:8]


def _settings(values: Values, experiment: Experiment) -> list[str]:
    """Everything that the study sets, and all of curation, whatever params.yaml says by then."""
    of_curation = {f"curation.{key}": value for key, value in experiment.curation}
    return [
        set_param(key, value)
        for key, value in {**values, "seed": experiment.seed, **of_curation}.items()
    ]

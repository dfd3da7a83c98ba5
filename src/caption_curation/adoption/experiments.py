"""Finished experiments of other commits as experiments of today's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption_curation.adoption.parameters import Leaves, below, flatten
from caption_curation.adoption.rekey import Adopted, Between, Current, Foreign, Outcome, Refused
from caption_curation.adoption.rules import Adoptable, within
from caption_curation.adoption.runs import LOCK, locks_of_commit
from caption_curation.adoption.templates import Lock, fill
from caption_curation.experiments import dvc_internals
from caption_curation.experiments.git import Git

ADOPTED_FROM = "Adopted-From: "
GOAL = ("dvc.yaml", "report")  # the stage that ends a run
PARAMETERS = "params.yaml"

Key = tuple[str, str]  # a dvc.yaml, and a stage's name in it
Decide = Callable[[Lock], Outcome]


@dataclass(frozen=True)
class PlannedExperiment:
    """An experiment to record.

    Attributes:
        name: of it.
        reference: the git reference to make.
        origin: the commit of the experiment that it is made from.
        files: what its commit has other than that of today: texts by path.
    """

    name: str
    reference: str
    origin: str
    files: Mapping[str, str]

    @property
    def message(self) -> str:
        """Of its commit."""
        return f"Adopt the experiment {self.name}\n\n{ADOPTED_FROM}{self.origin}\n"


@dataclass(frozen=True)
class LeftExperiment:
    """An experiment that is not recorded anew, and those of its stages that are not adopted."""

    name: str
    stages: tuple[str, ...]


def plan_experiments(
    git: Git, between: Between, decide: Decide, references: Mapping[str, str]
) -> tuple[list[PlannedExperiment], list[LeftExperiment]]:
    """Which experiments of other commits are recorded for today's.

    Args:
        git: where they are.
        between: both versions.
        decide: what becomes of a run.
        references: commits of all experiments by reference, the newest first.
    """
    head = between.now.commit
    ours = dvc_internals.experiment_reference(head, "")
    taken = {name.rpartition("/")[2] for name in references if name.startswith(ours)}
    known = {
        origin
        for name, commit in references.items()
        if name.startswith(ours)
        for origin in (commit, _origin(git, commit))
    }
    planned: list[PlannedExperiment] = []
    left: list[LeftExperiment] = []
    for reference, commit in references.items():
        name = reference.rpartition("/")[2]
        origin = _origin(git, commit)
        if reference.startswith(ours) or {commit, origin} & known:
            continue
        recorder = _Recorder(git, between, decide, commit)
        missing = recorder.missing()
        if missing is None:  # of another version, as all runs of it are
            continue
        if missing:
            left.append(LeftExperiment(name, missing))
            continue
        known |= {commit, origin}
        if name in taken:
            name = f"{name}-{origin[:7]}"
        taken.add(name)
        to = dvc_internals.experiment_reference(head, name)
        planned.append(PlannedExperiment(name, to, origin, recorder.files()))
    return planned, left


def _origin(git: Git, commit: str) -> str:
    """The experiment that was run; an adopted one says which that was."""
    for line in git.message(commit).splitlines():
        if line.startswith(ADOPTED_FROM):
            return line.removeprefix(ADOPTED_FROM)
    return commit


class _Recorder:
    """One experiment."""

    def __init__(self, git: Git, between: Between, decide: Decide, commit: str) -> None:
        self.git = git
        self.between = between
        self.commit = commit
        self.runs = {
            (str(Path(file).with_name("dvc.yaml")), name): lock
            for file, stages in locks_of_commit(git, commit).items()
            for name, lock in stages.items()
        }
        self.needed = needed_stages(self.runs)
        self.outcomes = {key: decide(self.runs[key]) for key in self.needed}

    def missing(self) -> tuple[str, ...] | None:
        """The stages that are not adopted; ``None`` if none is of the version adopted from."""
        outcomes = self.outcomes
        if all(isinstance(outcome, Foreign) for outcome in outcomes.values()):
            return None
        bad = (Foreign, Refused)
        return tuple(sorted(n for (_, n), outcome in outcomes.items() if isinstance(outcome, bad)))

    def files(self) -> dict[str, str]:
        """What its commit has other than today's: locks and parameters."""
        stages: dict[str, dict[str, Lock]] = {}
        for (file, name), outcome in self.outcomes.items():
            if isinstance(outcome, Adopted):
                lock_file = str(Path(outcome.file).with_name(LOCK))
                stages.setdefault(lock_file, {})[outcome.name] = outcome.lock
            elif isinstance(outcome, Current):
                lock_file = str(Path(file).with_name(LOCK))
                stages.setdefault(lock_file, {})[name] = self.runs[file, name]
        self._complete(stages)
        files = {
            file: dvc_internals.dump_yaml({"schema": "2.0", "stages": of_file})
            for file, of_file in stages.items()
        }
        recorded: dict[str, dict[str, Any]] = {PARAMETERS: {}}
        for of_file in stages.values():
            for lock in of_file.values():
                for file, values in lock.get("params", {}).items():
                    recorded.setdefault(file, {}).update(values)
        for file, values in recorded.items():
            ran = self.git.show(self.commit, file)
            today = self.git.show(self.between.now.commit, file)
            if ran is not None:
                files[file] = parameters_text(
                    ran if today is None else today,
                    ran,
                    file,
                    values,
                    self.between.rules,
                    self.between.then.leaves(file),
                )
        return files

    def _complete(self, stages: dict[str, dict[str, Lock]]) -> None:
        """Add the known runs of today's that made what these stages read and none of them makes."""
        between = self.between
        runs = [lock for of_file in stages.values() for lock in of_file.values()]
        for lock in runs:  # which grows
            made = {out["path"] for run in runs for out in run["outs"]}
            for dep in lock["deps"]:
                if any(within(dep["path"], path) or within(path, dep["path"]) for path in made):
                    continue
                makers = between.known.making(dep["path"], dep["md5"])
                for maker in [run for run in makers if between.is_of(between.now, run)][:1]:
                    template, bound = between.now.find(maker) or (None, {})
                    if template is not None:
                        lock_file = str(Path(template.file).with_name(LOCK))
                        stages.setdefault(lock_file, {})[fill(template.name, bound)] = maker
                        runs.append(maker)


def needed_stages(runs: Mapping[Key, Lock]) -> list[Key]:
    """The stages that the last one's results come from, in the order of the locks.

    Locks also keep stages of longer runs, and of others. Empty if the last has not run.
    """
    makers = {out["path"]: key for key, lock in runs.items() for out in lock["outs"]}
    found: set[Key] = set()
    waiting = [key for key in runs if key == GOAL]
    while waiting:
        key = waiting.pop()
        found.add(key)
        for dep in runs[key]["deps"]:
            made_by = [
                maker
                for path, maker in makers.items()
                if within(dep["path"], path) or within(path, dep["path"])
            ]
            waiting += [maker for maker in made_by if maker not in found]
    return [key for key in runs if key in found]


def parameters_text(
    today: str,
    ran: str,
    file: str,
    recorded: Mapping[str, Any],
    rules: Adoptable,
    then: Leaves | None,
) -> str:
    """A parameter file of today with the values of an experiment.

    Args:
        today: the file's text.
        ran: its text in the experiment.
        file: its path.
        recorded: what the adopted runs read of it, by key.
        rules: new names and neutral values.
        then: the leaves of the file in the version that the experiment is of.
    """
    content = dvc_internals.parse_yaml(today)
    leaves = flatten(content)
    values = {
        rules.new_key(file, key): value
        for key, value in flatten(dvc_internals.parse_yaml(ran)).items()
    }
    gone = {rules.new_key(file, key) for key in then or ()} - leaves.keys()
    wanted = {
        key: value
        for key, value in rules.neutral(file).items()
        if key in leaves and key not in values and not below(key, values)
    }
    wanted |= {key: value for key, value in values.items() if key not in gone}
    wanted |= recorded
    changes: dict[Sequence[str], Any] = {
        tuple(key.split(".")): value
        for key, value in wanted.items()
        if not _has(content, key, value)
    }
    return dvc_internals.set_in_yaml(today, changes) if changes else today


def _has(content: Any, key: str, value: Any) -> bool:
    for part in key.split("."):
        if not isinstance(content, Mapping) or part not in content:
            return False
        content = content[part]
    return bool(content == value)

"""What an adoption would do: every finished run, decided; nothing is changed here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from caption_curation.adoption.experiments import (
    LeftExperiment,
    PlannedExperiment,
    plan_experiments,
)
from caption_curation.adoption.folders import Folders
from caption_curation.adoption.rekey import Adopted, Between, Current, Foreign, Outcome, Refused
from caption_curation.adoption.rules import ADOPTABLE
from caption_curation.adoption.runs import (
    LOCK,
    KnownRuns,
    RunCache,
    locks_of_commit,
    locks_of_workspace,
)
from caption_curation.adoption.templates import Lock
from caption_curation.adoption.version import read_rules, read_version
from caption_curation.experiments import dvc_internals
from caption_curation.experiments.git import Git
from caption_curation.support.errors import InputError
from caption_curation.support.versions import VERSIONS_FILE
from caption_curation.text_to_image.image_store.checks import md5_of

LOCKS = (LOCK, f"stages/*/{LOCK}")
PIPELINES = ("dvc.yaml", "stages/*/dvc.yaml")


@dataclass(frozen=True)
class PlannedRun:
    """A run to add to the run cache.

    Attributes:
        stage: as DVC addresses it.
        key: under which it is found.
        value: its name there.
        lock: its content.
        source: (key, value) of the run that it is made from.
        modified: when that was written, in seconds; ``None`` if no run cache has it.
        filled: what has neutral values.
    """

    stage: str
    key: str
    value: str
    lock: Lock
    source: tuple[str, str]
    modified: float | None
    filled: tuple[str, ...]


@dataclass
class Plan:
    """What an adoption would do.

    Attributes:
        since: the commit that is adopted from.
        head: that of today.
        runs: to add to the run cache.
        locks: stages of the workspace's dvc.lock files to replace: before and after, by file and
            name.
        objects: what these runs have that results of before lack: texts by MD5.
        experiments: to record for the commit of today.
        left: those that are not, and why.
        refused: runs that are not adopted, and why.
        foreign: the number of runs of other versions.
        current: that of runs which today's version finds already, as they are or adopted before.
        other_libraries: whether images may have been drawn with other libraries than today's.
    """

    since: str
    head: str
    runs: list[PlannedRun] = field(default_factory=list)
    locks: dict[str, dict[str, tuple[Lock, Lock]]] = field(default_factory=dict)
    objects: dict[str, str] = field(default_factory=dict)
    experiments: list[PlannedExperiment] = field(default_factory=list)
    left: list[LeftExperiment] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    foreign: int = 0
    current: int = 0
    other_libraries: bool = False


def plan_adoption(root: Path, since: str) -> Plan:
    """Decide on every finished run of the run cache, the locks and the experiments.

    Args:
        root: the project's folder.
        since: the version whose results are adopted: a commit, tag or branch.

    Raises:
        InputError: there is no such commit, the code is not as committed, or nothing states what
            may be adopted.
    """
    git = Git(root)
    commit, head = git.commit(since), git.commit("HEAD")
    rules = read_rules(git, head)
    if rules is None:
        raise InputError(f"{ADOPTABLE}: there is no such file in the commit {head[:7]}")
    changed = git.changed(*PIPELINES, ADOPTABLE.as_posix(), *rules.code)
    changed = [path for path in changed if Path(path).name != LOCK]
    if changed:
        raise InputError(
            f"{', '.join(changed[:3])}{' …' * (len(changed) > 3)}: not as committed; results are "
            "adopted by a commit, so commit first"
        )
    with dvc_internals.open_repository(root) as repository:
        cache = dvc_internals.cache_folder(repository)
        folders = Folders(repository, cache)
        between = Between(
            read_version(repository, git, commit),
            read_version(repository, git, head),
            rules,
            read_rules(git, commit),
            folders.part,
            folders.part_of_grown,
            KnownRuns((), folders.part),
        )
        return _Planner(root, git, between, RunCache(cache / "runs"), folders).plan()


@dataclass
class _Planner:
    root: Path
    git: Git
    between: Between
    cache: RunCache
    folders: Folders

    def __post_init__(self) -> None:
        then, now = self.between.then, self.between.now
        self.done = Plan(then.commit, now.commit)
        file = VERSIONS_FILE.as_posix()
        recorded = then.records.get(file)
        self.done.other_libraries = recorded is None or recorded != now.records.get(file)
        self.runs: dict[tuple[str, str], Lock] = {}
        self.outcomes: dict[tuple[str, str], Outcome] = {}
        self.modified: dict[tuple[str, str], float] = {}
        self.experiments = self.git.experiments()

    def plan(self) -> Plan:
        for path, lock in self.cache.runs():
            self.modified[path.parent.name, path.name] = path.stat().st_mtime
            self.runs[path.parent.name, path.name] = lock
        for locks in self._locks():
            for stages in locks.values():
                for lock in stages.values():
                    self.runs.setdefault(_name(lock), lock)
        for lock in self.runs.values():
            self.folders.add(lock["outs"])
        self.between = replace(self.between, known=KnownRuns(self.runs.values(), self.folders.part))
        for name, lock in self.runs.items():
            self.outcomes[name] = self.between.rekey(lock)
        self._plan_runs()
        self._plan_workspace()
        self.done.experiments, self.done.left = plan_experiments(
            self.git, self.between, self._decide, self.experiments
        )
        return self.done

    def _decide(self, lock: Lock) -> Outcome:
        """What becomes of a run of a dvc.lock."""
        return self.outcomes[_name(lock)]

    def _locks(self) -> Iterator[dict[str, dict[str, Any]]]:
        """The dvc.lock files of the workspace, of both versions, and of all experiments."""
        for commit in (self.between.then.commit, self.between.now.commit):
            yield locks_of_commit(self.git, commit)
        yield self._workspace()
        for commit in self.experiments.values():
            yield locks_of_commit(self.git, commit)

    def _workspace(self) -> dict[str, dict[str, Any]]:
        names = [path for pattern in LOCKS for path in sorted(self.root.glob(pattern))]
        found = [path.relative_to(self.root).as_posix() for path in names]
        return locks_of_workspace(self.root, found)

    def _plan_runs(self) -> None:
        planned: dict[str, list[PlannedRun]] = {}
        for source, outcome in self.outcomes.items():
            if isinstance(outcome, Adopted | Current):
                lock = outcome.lock if isinstance(outcome, Adopted) else self.runs[source]
                key, value = _name(lock)
                filled = outcome.filled if isinstance(outcome, Adopted) else ()
                modified = self.modified.get(source)
                run = PlannedRun(outcome.stage, key, value, lock, source, modified, filled)
                planned.setdefault(key, []).append(run)
            elif isinstance(outcome, Refused):
                self.done.refused.append(outcome)
            elif isinstance(outcome, Foreign):
                self.done.foreign += 1
        for key, runs in planned.items():
            self._plan_key(key, runs)
        made = {out["md5"] for run in self.done.runs for out in run.lock["outs"]}
        texts = {md5_of(text.encode()): text for text in self.between.rules.added.values()}
        self.done.objects = {md5: text for md5, text in texts.items() if md5 in made}

    def _plan_key(self, key: str, runs: Sequence[PlannedRun]) -> None:
        """Plan the runs of a key, unless it has one, or it is not known which is right."""
        known = {path.name for path in self.cache.under(key)}
        if known and all(run.value in known for run in runs):
            self.done.current += len(runs)
        elif known:
            self._refuse(runs, "today's version has computed it, with other results")
        elif len({run.source[0] for run in runs}) > 1 and len({run.value for run in runs}) > 1:
            self._refuse(runs, "runs that are one today have different results")
        else:
            self.done.runs += {run.value: run for run in runs}.values()

    def _refuse(self, runs: Sequence[PlannedRun], why: str) -> None:
        for run in runs:
            if isinstance(self.outcomes[run.source], Adopted):
                self.outcomes[run.source] = refused = Refused(run.stage, (why,))
                self.done.refused.append(refused)

    def _plan_workspace(self) -> None:
        for file, stages in self._workspace().items():
            for name, lock in stages.items():
                outcome = self._decide(lock)
                if isinstance(outcome, Adopted):
                    self.done.locks.setdefault(file, {})[name] = (lock, outcome.lock)


def _name(lock: Lock) -> tuple[str, str]:
    return dvc_internals.run_key(lock), dvc_internals.run_value(lock)

"""Which stages would run, and which results DVC has already: `dvc repro`, thought through.

`dvc repro --dry` cannot tell: it takes the result of every stage that it did not run for unchanged.
Here the hash of each result is carried on to the stages that read it, as far as it is known from
dvc.lock or the run cache. Nothing is run, checked out or written.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from caption_curation.errors import InputError

# Its output always says the same, so that whatever reads it is not waiting for it.
ALWAYS_THE_SAME = ("parameters",)


class State(StrEnum):
    """What `dvc repro` would do with a stage."""

    UP_TO_DATE = "up to date"
    CACHED = "cached"  # its result is checked out from DVC's cache
    ABSENT = "not here"  # its result is known, but not in the cache: `dvc pull`, or it runs
    RUNS = "runs"
    FOLLOWS = (
        "follows"  # it reads the result of a stage that runs first; then it runs, or is cached
    )

    @property
    def is_done(self) -> bool:
        """Whether nothing has to be computed or fetched."""
        return self in (State.UP_TO_DATE, State.CACHED)


class Forecast:
    """The state of every stage that `dvc repro` looks at, in the order in which it does.

    Get one from :func:`open_forecast`. Stages of the epochs are called NAME@EPOCH.
    """

    def __init__(self, repo: Any) -> None:
        self._repo = repo
        self._results: dict[Path, Any] = {}  # hash of each output; None: not known
        self._recorded: dict[Path, Any] = {}  # the same, of dvc.lock
        self._trees: dict[str, Any] = {}
        self.states: dict[str, State] = {stage.name: self._visit(stage) for stage in _order(repo)}

    def file(self, path: Path) -> Path | None:
        """A file of a stage's result as it would be, or ``None`` where it is not known or not here.

        It lies in DVC's cache, whatever the workspace holds at the moment.

        Args:
            path: relative to the repository's root.
        """
        info = self._part(Path(self._repo.root_dir) / path)
        if info is None:
            return None
        location = Path(self._repo.cache.local.oid_to_path(info.value))
        return location if location.is_file() else None

    def _visit(self, stage: Any) -> State:
        """The state of a stage; notes its results."""
        recorded = [dep.hash_info for dep in stage.deps]
        current = [self._input(dep) for dep in stage.deps]
        locked = not stage.changed_stage() and all(out.hash_info for out in stage.outs)
        for out in stage.outs:
            self._recorded[Path(out.fs_path)] = out.hash_info if locked else None
        if locked and current == recorded:
            return self._note(stage.outs, _state_of(stage))
        if None not in current:
            remembered = self._from_run_cache(stage, current)
            if remembered:
                state = State.CACHED if remembered.outs_cached() else State.ABSENT
                return self._note(remembered.outs, state)
        for out in stage.outs:
            same = locked and stage.name in ALWAYS_THE_SAME
            self._results[Path(out.fs_path)] = out.hash_info if same else None
        return State.FOLLOWS if None in current else State.RUNS

    def _note(self, outs: list[Any], state: State) -> State:
        self._results |= {Path(out.fs_path): out.hash_info for out in outs}
        return state

    def _input(self, dep: Any) -> Any:
        """The hash that a dependency would have, or ``None``."""
        from dvc.dependency import ParamsDependency

        path = Path(dep.fs_path)
        if not isinstance(dep, ParamsDependency) and self._owner(path):
            info = self._part(path)
            if info is None and self._is_as_recorded(path):
                return dep.hash_info or None  # a part of a directory whose list is not here
            return info
        try:
            return dep.get_hash()
        except FileNotFoundError as error:
            raise InputError(f"{dep}: missing, and no stage makes it") from error

    def _owner(self, path: Path) -> Path | None:
        """The output that a path is, or lies in."""
        return next((one for one in (path, *path.parents) if one in self._results), None)

    def _is_as_recorded(self, path: Path) -> bool:
        owner = self._owner(path)
        return owner is not None and None is not self._results[owner] == self._recorded[owner]

    def _part(self, path: Path) -> Any:
        """The hash of an output or of a file or folder in it."""
        from dvc_data.hashfile.tree import Tree

        owner = self._owner(path)
        info = self._results[owner] if owner else None
        if owner is None or info is None or path == owner:
            return info
        cache = self._repo.cache.local
        if info.value not in self._trees:
            try:
                self._trees[info.value] = Tree.load(cache, info)
            except FileNotFoundError:
                return None
        part = self._trees[info.value].get_obj(cache, path.relative_to(owner).parts)
        return part.hash_info if part else None

    def _from_run_cache(self, stage: Any, current: list[Any]) -> Any:
        """A stage with the results that the run cache remembers for these inputs, or ``None``."""
        from dvc.stage.cache import _get_cache_hash
        from dvc.stage.serialize import to_single_stage_lockfile

        for dep, info in zip(stage.deps, current, strict=True):
            dep.hash_info = info
        run_cache = self._repo.stage_cache
        key = _get_cache_hash(to_single_stage_lockfile(stage), key=True)
        folder = Path(run_cache.cache_dir) / key[:2] / key
        runs = sorted(folder.glob("*"), key=lambda run: run.stat().st_mtime)
        found = run_cache._load_cache(key, runs[-1].name) if runs else None
        return run_cache._create_stage(found, wdir=stage.wdir) if found else None


@contextmanager
def open_forecast(root: Path = Path()) -> Iterator[Forecast]:
    """The forecast for the parameters as they stand in the repository around ``root``.

    Raises:
        InputError: it is not a DVC repository, or its pipeline cannot be read.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            yield Forecast(repo)
    except DvcException as error:
        raise InputError(f"DVC: {error}") from error


def _order(repo: Any) -> list[Any]:
    """The stages that a bare `dvc repro` looks at, each after those that it depends on."""
    from dvc.dvcfile import PROJECT_FILE
    from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro

    return plan_repro(get_active_graph(repo.index.graph), collect_stages(repo, [PROJECT_FILE]))


def _state_of(stage: Any) -> State:
    """Of a stage whose inputs are those of dvc.lock."""
    if not stage.outs_cached():
        return State.ABSENT
    unchanged = not any(out.workspace_status() for out in stage.outs)
    return State.UP_TO_DATE if unchanged else State.CACHED

"""Which stages would run, and which results DVC has already: `dvc repro`, thought through.

`dvc repro --dry` cannot tell: it takes the result of every stage that it did not run for unchanged.
Here the hash of each result is carried on to the stages that read it. It is known from dvc.lock,
from the run cache, or, of stages that take a second, from trying them out in a scratch folder. The
repository is not changed, and nothing is checked out.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from caption_curation.experiments.dvc_internals import (
    cache_folder,
    directory_list,
    hashed,
    is_parameters,
    object_file,
    open_repository,
    part_of_directory,
    remembered_stage,
    stages_in_order,
)
from caption_curation.experiments.planning.trial import is_quick, try_out
from caption_curation.support.errors import InputError


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

    def __init__(self, repo: Any, scratch: Path) -> None:
        self._repo = repo
        self._scratch = scratch
        self._results: dict[Path, Any] = {}  # hash of each output; None: not known
        self._recorded: dict[Path, Any] = {}  # the same, of dvc.lock
        self._trees: dict[str, Any] = {}  # lists of directories by their hash
        self._tried: dict[str, Path] = {}  # files that a trial made, by their hash
        self.states: dict[str, State] = {
            stage.name: self._visit(stage) for stage in stages_in_order(repo)
        }

    @property
    def current(self) -> frozenset[str]:
        """The stages whose results lie in the workspace as `dvc repro` would leave them."""
        return frozenset(name for name, state in self.states.items() if state is State.UP_TO_DATE)

    @property
    def cache(self) -> Path:
        """DVC's cache folder, as of :func:`caption_curation.support.dvc_cache.dvc_cache_folder`."""
        return cache_folder(self._repo)

    def file(self, path: Path) -> Path | None:
        """A file of a stage's result as it would be, or ``None`` where it is not known or not here.

        It does not lie in the workspace, which may hold another result at the moment.

        Args:
            path: relative to the repository's root.
        """
        info = self._part(Path(self._repo.root_dir) / path)
        return None if info is None or info.isdir else self._object(info)

    def _visit(self, stage: Any) -> State:
        """The state of a stage; notes its results."""
        recorded = [dep.hash_info for dep in stage.deps]
        current = [self._input(dep) for dep in stage.deps]
        locked = not stage.changed_stage() and all(out.hash_info for out in stage.outs)
        for out in stage.outs:
            self._recorded[Path(out.fs_path)] = out.hash_info if locked else None
        if locked and current == recorded:
            return self._note(stage.outs, _state_of(stage))
        if None in current:
            self._results |= {Path(out.fs_path): None for out in stage.outs}
            return State.FOLLOWS
        remembered = remembered_stage(self._repo, stage, current)
        if remembered:
            state = State.CACHED if remembered.outs_cached() else State.ABSENT
            return self._note(remembered.outs, state)
        self._results |= {
            Path(out.fs_path): self._result_of_trial(stage, out) for out in stage.outs
        }
        return State.RUNS

    def _note(self, outs: list[Any], state: State) -> State:
        self._results |= {Path(out.fs_path): out.hash_info for out in outs}
        return state

    def _input(self, dep: Any) -> Any:
        """The hash that a dependency would have, or ``None``."""
        path = Path(dep.fs_path)
        if not is_parameters(dep) and self._owner(path):
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
        return next((place for place in (path, *path.parents) if place in self._results), None)

    def _is_as_recorded(self, path: Path) -> bool:
        owner = self._owner(path)
        return owner is not None and None is not self._results[owner] == self._recorded[owner]

    def _part(self, path: Path) -> Any:
        """The hash of an output or of a file or folder in it."""
        owner = self._owner(path)
        info = self._results[owner] if owner else None
        if owner is None or info is None or path == owner:
            return info
        tree = self._tree(info)
        part = tree and part_of_directory(self._repo, tree, path.relative_to(owner))
        if not part:
            return None
        if part.hash_info.isdir:
            self._trees[part.hash_info.value] = part
        return part.hash_info

    def _tree(self, info: Any) -> Any:
        """The list of a directory, or ``None`` where it is not in the cache."""
        if info.value not in self._trees:
            tree = directory_list(self._repo, info)
            if tree is None:
                return None
            self._trees[info.value] = tree
        return self._trees[info.value]

    def _object(self, info: Any) -> Path | None:
        """The file of a hash, in DVC's cache or of a trial."""
        path = self._tried.get(info.value) or object_file(self._repo, info)
        return path if path.is_file() else None

    def _result_of_trial(self, stage: Any, out: Any) -> Any:
        """The hash of an output of a stage that runs, where a trial can tell."""
        root, folder = Path(self._repo.root_dir), self._scratch / stage.name
        if not folder.exists():
            inputs = self._files_of(stage)
            if inputs is None or not is_quick(stage.cmd, inputs):
                return None
            try_out(stage.cmd, inputs, root, folder)
        made = folder / Path(out.fs_path).relative_to(root)
        result = hashed(self._repo, made, out)
        if result.hash_info.isdir:
            self._trees[result.hash_info.value] = result
            for parts, _, info in result:
                self._tried[info.value] = made.joinpath(*parts)
        else:
            self._tried[result.hash_info.value] = made
        return result.hash_info

    def _files_of(self, stage: Any) -> dict[Path, Path] | None:
        """The files that a stage reads of other stages' results, by their path in the repository.

        ``None``: not all of them are here.
        """
        root = Path(self._repo.root_dir)
        files: dict[Path, Path | None] = {}
        for dep in stage.deps:
            path = Path(dep.fs_path)
            if not self._owner(path):
                continue
            info, place = self._part(path), path.relative_to(root)
            if info is None:
                return None
            if info.isdir:
                tree = self._tree(info)
                if tree is None:
                    return None
                files |= {place.joinpath(*parts): self._object(digest) for parts, _, digest in tree}
            else:
                files[place] = self._object(info)
        found = {place: file for place, file in files.items() if file}
        return found if len(found) == len(files) else None


@contextmanager
def open_forecast(root: Path = Path()) -> Iterator[Forecast]:
    """The forecast for the parameters as they stand in the repository around ``root``.

    Raises:
        InputError: it is not a DVC repository, or its pipeline cannot be read.
    """
    with open_repository(root) as repo, TemporaryDirectory() as scratch:
        yield Forecast(repo, Path(scratch))


def _state_of(stage: Any) -> State:
    """Of a stage whose inputs are those of dvc.lock."""
    if not stage.outs_cached():
        return State.ABSENT
    unchanged = not any(out.workspace_status() for out in stage.outs)
    return State.UP_TO_DATE if unchanged else State.CACHED

"""Finished runs of stages: those of DVC's run cache, and those that dvc.lock files record."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from caption_curation.adoption.rules import within
from caption_curation.adoption.templates import Lock
from caption_curation.experiments import dvc_internals
from caption_curation.experiments.git import Git
from caption_curation.text_to_image.image_store.checks import md5_of

LOCK = "dvc.lock"

Record = dict[str, Any]  # a dependency or output in a lock: path, hash, md5, size, nfiles
# A file or folder within a folder by its path, the folder's, and the hash of the folder or of one
# that has all that this one has; ``None`` if there is none, or the cache cannot tell.
PartOf = Callable[[str, str, str], Record | None]


@dataclass(frozen=True)
class RunCache:
    """DVC's run cache: a file for each run, named by what went in and all that is known of it."""

    folder: Path

    def runs(self) -> Iterator[tuple[Path, Lock]]:
        """Every run that can be read, with its file, in the order of their names."""
        for path in sorted(self.folder.glob("??/*/" + "?" * 64)):
            lock = self.read(path)
            if lock is not None:
                yield path, lock

    def under(self, key: str) -> list[Path]:
        """The runs of a key, the last of them the newest."""
        found = self.folder.glob(f"{key[:2]}/{key}/" + "?" * 64)
        return sorted(found, key=lambda path: path.stat().st_mtime)

    def path(self, key: str, value: str) -> Path:
        """The file of a run."""
        return self.folder / key[:2] / key / value

    def read(self, path: Path) -> Lock | None:
        """The run of a file; ``None`` if it is damaged, which is DVC's to mend."""
        try:
            lock = dvc_internals.parse_yaml(path.read_text(encoding="utf-8"))
        except ValueError:
            return None
        return lock if is_run(lock) else None


def output(path: str, text: str) -> Record:
    """A file with this text as an output in a lock."""
    content = text.encode()
    return {"path": path, "hash": "md5", "md5": md5_of(content), "size": len(content)}


class KnownRuns:
    """Runs by what they made, and by what went in."""

    def __init__(self, runs: Iterable[Lock], part_of: PartOf) -> None:
        """Args:
        runs: all that are known.
        part_of: what lies within an output that is a folder.
        """
        self._part_of = part_of
        self._by_output: dict[str, list[Lock]] = {}
        self._by_key: dict[str, Lock] = {}
        for lock in runs:
            self._by_key[dvc_internals.run_key(lock)] = lock
            for out in lock["outs"]:
                self._by_output.setdefault(out["path"], []).append(lock)

    def making(self, path: str, md5: str | None = None) -> list[Lock]:
        """The runs that made a file or folder; with ``md5``, this content of it.

        It may be an output, or a part of one.
        """
        around = [path, *map(str, PurePosixPath(path).parents)]
        found = [lock for output in around for lock in self._by_output.get(output, [])]
        made = [(lock, self.made(lock, path)) for lock in found]
        return [lock for lock, record in made if record and md5 in (None, record["md5"])]

    def made(self, lock: Lock, path: str) -> Record | None:
        """What a run made at a path, as a dependency; ``None`` if that is not known."""
        for out in lock["outs"]:
            if out["path"] == path:
                return dict(out)
            if within(path, out["path"]):
                part = self._part_of(path, out["path"], out["md5"])
                return part and {"path": path, **part}
        return None

    def like(self, lock: Lock) -> Lock | None:
        """A run into which the same went, whatever came out."""
        return self._by_key.get(dvc_internals.run_key(lock))


def locks_of_commit(git: Git, commit: str) -> dict[str, dict[str, Any]]:
    """The dvc.lock files of a commit by path."""
    names = [name for name in git.files(commit) if Path(name).name == LOCK]
    return {name: stages_of(git.show(commit, name) or "") for name in names}


def locks_of_workspace(root: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    """The dvc.lock files that lie in the workspace.

    Args:
        root: the project's folder.
        names: of the files to look for.
    """
    found = [name for name in names if (root / name).is_file()]
    return {name: stages_of((root / name).read_text(encoding="utf-8")) for name in found}


def stages_of(text: str) -> dict[str, Any]:
    """The stages of a dvc.lock that have all that makes a run."""
    stages = dvc_internals.parse_yaml(text).get("stages", {})
    return {name: lock for name, lock in stages.items() if is_run(lock)}


def is_run(lock: Any) -> bool:
    """Whether a stage has what a run in the run cache has: a command, and hashes of files."""
    if not isinstance(lock, Mapping) or not lock.get("cmd") or not isinstance(lock["cmd"], str):
        return False
    records = [lock.get("deps"), lock.get("outs")]
    return all(kind and all("md5" in record for record in kind) for kind in records)

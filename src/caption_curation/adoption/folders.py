"""Folders in DVC's cache, by their lists of files."""

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from caption_curation.adoption.runs import Record
from caption_curation.experiments import dvc_internals


class Folders:
    """The outputs of runs that are folders."""

    def __init__(self, repository: Any, cache: Path) -> None:
        """Args:
        repository: from :func:`~caption_curation.experiments.dvc_internals.open_repository`.
        cache: DVC's cache folder.
        """
        self._repository = repository
        self._cache = cache
        self._known: dict[str, dict[str, None]] = {}
        self._parts: dict[tuple[str, str], Record | None] = {}

    def add(self, outputs: Iterable[Record]) -> None:
        """Make outputs known."""
        for out in outputs:
            if out["md5"].endswith(".dir"):
                self._known.setdefault(out["path"], {})[out["md5"]] = None

    def part(self, path: str, folder: str, md5: str) -> Record | None:
        """A file or folder at ``path`` within ``folder``, whose hash is ``md5``, as a dependency.

        Returns:
            ``None`` if the folder has no such part, or the cache no list of the folder.
        """
        relative = path.removeprefix(f"{folder}/")
        if (md5, relative) not in self._parts:
            found = dvc_internals.part_record(self._repository, md5, Path(relative))
            self._parts[md5, relative] = found
        return self._parts[md5, relative]

    def part_of_grown(self, path: str, folder: str, md5: str) -> Record | None:
        """The same of a folder that a run is known to have made, and that has all of this one."""
        files = _files(self._cache, md5)
        if files is None:
            return None
        for other in self._known.get(folder, ()):
            grown = _files(self._cache, other) or {}
            if files.items() <= grown.items():
                part = self.part(path, folder, other)
                if part is not None:
                    return part
        return None


@lru_cache(maxsize=16)  # of a corpus it has as many entries as there are images
def _files(cache: Path, md5: str) -> dict[str, str] | None:
    """The hashes of a folder's files by relative path; ``None`` if the cache has no list of it."""
    listing = cache / "files" / "md5" / md5[:2] / md5[2:]
    if not listing.is_file():
        return None
    entries = json.loads(listing.read_bytes())
    return {entry["relpath"]: entry["md5"] for entry in entries}

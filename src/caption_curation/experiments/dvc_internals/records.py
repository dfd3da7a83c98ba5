"""What DVC writes into its lock files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from caption_curation.experiments.dvc_internals.repository import directory_list, part_of_directory


def check_lock(text: str) -> None:
    """Read a dvc.lock as DVC reads it.

    Raises:
        ValueError: DVC would refuse it.
    """
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(parse_yaml(text, "dvc.lock"))
    except (YAMLFileCorruptedError, Invalid) as error:
        raise ValueError(str(error)) from error


def committed_records(
    repository: Any, commit: str, paths: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """What files and folders of a commit are as dependencies in a dvc.lock, without their paths.

    Args:
        repository: from :func:`open_repository`.
        commit: which has all of them.
        paths: relative to the project.
    """
    from dvc_data.hashfile.build import build

    found = {}
    with repository.switch(commit):
        files = repository.fs
        for path in paths:
            whole = files.join(repository.root_dir, path)
            ignored = repository.dvcignore
            odb = repository.cache.local
            _, meta, built = build(odb, whole, files, "md5", ignore=ignored, dry_run=True)
            found[path] = _record(meta, built.hash_info)
    return found


def part_record(repository: Any, folder: str, part: Path) -> dict[str, Any] | None:
    """What a file or folder in a folder would be as a dependency, without its path.

    Args:
        repository: from :func:`open_repository`.
        folder: the hash of the folder around it.
        part: relative to that.

    Returns:
        ``None`` if the folder has no such part, or the cache no list of the folder.
    """
    from dvc_data.hashfile.hash_info import HashInfo

    listed = directory_list(repository, HashInfo("md5", folder))
    found = None if listed is None else part_of_directory(repository, listed, part)
    return None if found is None else {"hash": "md5", "md5": found.hash_info.value}


def _record(meta: Any, digest: Any) -> dict[str, Any]:
    sizes = {name: value for name, value in meta.to_dict().items() if name != "isdir"}
    return {"hash": "md5", "md5": digest.value, **sizes}


def rwlock_holders(content: bytes) -> set[int]:
    """The processes that .dvc/tmp/rwlock names as reading or writing.

    Raises:
        ValueError: DVC would refuse it.
    """
    from dvc.rwlock import SCHEMA
    from voluptuous import Invalid

    try:
        lock = SCHEMA(json.loads(content))
    except Invalid as error:
        raise ValueError(str(error)) from error
    readers = [info for infos in lock["read"].values() for info in infos]
    return {info["pid"] for info in [*lock["write"].values(), *readers]}

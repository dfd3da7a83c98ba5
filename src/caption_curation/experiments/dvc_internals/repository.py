"""DVC's object of a repository, and what its cache has."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from caption_curation.support.errors import InputError

TRIED = "3.67"  # the version of DVC whose objects are known here


def check_version() -> None:
    """Refuse another DVC than the one whose objects are known.

    Raises:
        InputError: with the version that is installed and the one that is needed.
    """
    from dvc import __version__ as installed

    if installed.split(".")[:2] != TRIED.split("."):
        raise InputError(
            f"dvc {installed} is installed; this command reads private objects of DVC, which are "
            f"known for dvc {TRIED} only: pip install -r requirements.txt"
        )


@contextmanager
def open_repository(root: Path) -> Iterator[Any]:
    """DVC's object of the repository around ``root``.

    Raises:
        InputError: another version of DVC, no DVC repository, or a pipeline that cannot be read.
    """
    check_version()
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repository:
            yield repository
    except DvcException as error:
        raise InputError(f"DVC: {error}") from error


def cache_folder(repository: Any) -> Path:
    """DVC's cache folder, as of :func:`caption_curation.support.dvc_cache.dvc_cache_folder`."""
    return Path(repository.cache.local_cache_dir)


def object_file(repository: Any, digest: Any) -> Path:
    """Where the file of a hash lies in the cache, if it is there."""
    return Path(repository.cache.local.oid_to_path(digest.value))


def directory_list(repository: Any, digest: Any) -> Any:
    """The list of a directory by its hash, or ``None`` where it is not in the cache."""
    from dvc_data.hashfile.tree import Tree

    try:
        return Tree.load(repository.cache.local, digest)
    except FileNotFoundError:
        return None


def part_of_directory(repository: Any, listed: Any, part: Path) -> Any:
    """A file or folder within a directory's list by its relative path, or ``None``."""
    return listed.get_obj(repository.cache.local, part.parts)


def hashed(repository: Any, path: Path, output: Any) -> Any:
    """What DVC would store of a file or folder that lies at ``path`` as an output; stores nothing.

    Returns:
        Its object, with ``hash_info``; of a folder with its files.
    """
    from dvc_data.hashfile.build import build

    return build(repository.cache.local, str(path), output.fs, "md5", dry_run=True)[2]


def experiment_reference(baseline: str, name: str) -> str:
    """The git reference of an experiment.

    Args:
        baseline: the commit that it was run from.
        name: of it.
    """
    from dvc.repo.experiments.refs import ExpRefInfo

    return str(ExpRefInfo(baseline, name))

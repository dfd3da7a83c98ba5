"""Git, DVC's repository, its cache, and how files get from the one to the other."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

from caption_curation.doctor.findings import Finding, ok, problem, warning
from caption_curation.support.dvc_cache import dvc_cache_folder
from caption_curation.support.errors import InputError
from caption_curation.support.unfinished import ABANDONED, bytes_of, unfinished

LONG = 7  # days after which a killed stage may be forgotten
IDENTITY = (("user.name", "GIT_AUTHOR_NAME"), ("user.email", "GIT_AUTHOR_EMAIL"))


def check_git(root: Path) -> Iterator[Finding]:
    """Whether experiments, which are commits, can be made of this checkout."""
    if shutil.which("git") is None:
        yield problem("git is not installed", "apt-get install git")
        return
    if git(root, "rev-parse", "--git-dir").returncode != 0:
        yield problem(f"{root.resolve()} is in no git repository", "`git clone` the project")
        return
    if git(root, "rev-parse", "--verify", "--quiet", "HEAD").returncode != 0:
        yield problem("git has no commit yet, and experiments start from one", "`git commit`")
    elif git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        yield problem(
            "this is a shallow clone, in which DVC's queue loses experiments",
            "`git fetch --unshallow`",
        )
    else:
        head = git(root, "rev-parse", "--short", "HEAD").stdout.strip()
        yield ok(f"{git(root, '--version').stdout.strip()}, commit {head}")
    missing = [
        key
        for key, variable in IDENTITY
        if not git(root, "config", key).stdout.strip() and not os.environ.get(variable)
    ]
    if missing:
        yield problem(
            f"git does not know who you are ({' and '.join(missing)}), so DVC queues no experiment",
            "; ".join(f"`git config --global {key} …`" for key in missing),
        )


def check_dvc(root: Path) -> Iterator[Finding]:
    """Whether DVC reads its repository, and its cache can be written to and linked from."""
    try:
        cache = dvc_cache_folder(root)
    except InputError as error:
        yield problem(" ".join(str(error).split()), "`dvc init`, or mend .dvc/config")
        return
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=cache, prefix="doctor-") as probe:
            yield ok(f"DVC's cache is {cache}")
            yield _link_type(Path(probe.name), root / ".dvc" / "tmp")
        yield from _killed_stages(cache)
    except OSError as error:
        yield problem(
            f"DVC's cache {cache} cannot be written to ({error.strerror})",
            "`dvc cache dir --local FOLDER` names another one",
        )


def _killed_stages(cache: Path) -> Iterator[Finding]:
    """What killed stages saved, and nobody has gone on from for long."""
    left = unfinished(cache, LONG)
    if left:
        gigabytes = sum(map(bytes_of, left)) / 1e9
        yield warning(
            f"{len(left)} stages were killed more than {LONG} days ago, and saved "
            f"{gigabytes:,.1f} GB of what they had done, in {left[0].parent}",
            "`dvc repro` goes on from it, `caption-curation images gc` removes it, and after "
            f"{ABANDONED} days the next stage does",
        )


def _link_type(probe: Path, beside: Path) -> Finding:
    """Whether files of the cache can be hard links in the workspace."""
    beside.mkdir(exist_ok=True)
    link = beside / probe.name
    try:
        os.link(probe, link)
    except OSError as error:
        return warning(
            f"the workspace cannot hold hard links to DVC's cache ({error.strerror}), so that "
            "files may be there twice",
            "put both on one disk",
        )
    link.unlink()
    return ok("files of DVC's cache are hard links in the workspace: they take room once")


def git(root: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """What git says in the folder ``root``."""
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)

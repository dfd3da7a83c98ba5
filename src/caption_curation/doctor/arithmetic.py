"""The arithmetic that models run in here, and whether it is that of the committed results."""

import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from caption_curation.config.params import load_params
from caption_curation.doctor.findings import INSTALL, Finding, ok, problem, warning
from caption_curation.doctor.locks import lock_fault, lock_files
from caption_curation.doctor.repository import git
from caption_curation.evaluation.arithmetic import class_names
from caption_curation.experiments.this_machine import class_here
from caption_curation.numerical_classes import (
    ENDING,
    class_file,
    read_classes,
    write_classes,
)
from caption_curation.support.arithmetic import Arithmetic
from caption_curation.support.dvc_cache import dvc_cache_folder, object_file
from caption_curation.support.errors import InputError

NOT_HERE = "one that DVC's cache does not name"


def check_arithmetic(root: Path) -> Iterator[Finding]:
    """The name of what models are computed with, and of what the committed locks were.

    Machines of one name give equal bytes.
    """
    try:
        arithmetic: Arithmetic = load_params(root).experiment.compute.arithmetic
    except InputError:  # of which another check tells
        arithmetic = "native"
    try:
        own = class_here(arithmetic)
    except InputError as error:
        yield problem(" ".join(str(error).split()), INSTALL)
        return
    yield ok(f"models run in numerical class {own} ({arithmetic} arithmetic)")
    try:
        cache = dvc_cache_folder(root)
    except InputError:
        return
    if shutil.which("git") is None:  # of both, other checks tell
        return
    digests = committed_class_files(root)
    if not digests:
        yield ok("the committed locks name no numerical class")
        return
    found = Counter(name for digest in digests for name in _classes(digest, own, cache))
    if set(found) <= {own}:
        yield ok("the committed results are of this numerical class")
        return
    listed = "; ".join(
        f"{count} of {'this one' if name == own else class_names([name])}"
        for name, count in found.most_common()
    )
    yield warning(
        f"of {len(digests)} committed results, these were computed by models of a numerical class: "
        f"{listed}",
        "what this machine computes will have other bytes; compare it with its own results only",
    )


def committed_class_files(root: Path) -> list[str]:
    """The MD5 of every class file that the locks of git's HEAD name; of locks that can be read."""
    digests = []
    for path in lock_files(root):
        committed = git(root, "show", f"HEAD:./{path.as_posix()}")
        if committed.returncode != 0 or lock_fault(committed.stdout.encode()):
            continue
        stages = yaml.load(committed.stdout, Loader=yaml.CSafeLoader).get("stages", {})
        digests += [
            out["md5"]
            for stage in stages.values()
            for out in stage.get("outs", [])
            if out["path"].endswith(ENDING)
        ]
    return digests


def _classes(digest: str, own: str, cache: Path) -> Sequence[str]:
    """The classes in a class file; what this machine would write is known by its MD5 alone."""
    for written in ([own], []):
        if digest == _digest(written):
            return written
    file = object_file(cache, digest)
    return read_classes(file) if file.is_file() else [NOT_HERE]


def _digest(classes: Sequence[str]) -> str:
    """The MD5 of the class file with these classes."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result"
        write_classes(result, classes)
        return hashlib.md5(class_file(result).read_bytes()).hexdigest()

"""What a kill leaves damaged: a dvc.lock or .dvc/tmp/rwlock that DVC was rewriting in place.

DVC writes a dvc.lock only while it holds ``.dvc/tmp/lock``, and ``rwlock`` only while it holds
``.dvc/tmp/rwlock.lock``; both are held by ``flock`` (zc.lockfile), which ends with the process,
whatever ends it. While a stage's command runs, DVC holds neither: then ``rwlock`` names its process
with what it reads and writes. So a damaged file whose lock is free is not just being written, and
it is mended with both locks held, after a look for processes of DVC that only wait for a stage.
"""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from caption_curation.doctor.findings import Finding, ok, problem
from caption_curation.doctor.repository import git
from caption_curation.experiments import dvc_internals
from caption_curation.support.errors import InputError
from caption_curation.support.outputs import write_atomically

TEMPORARY = Path(".dvc/tmp")
RWLOCK = TEMPORARY / "rwlock"
REPAIR = "`caption-curation doctor --repair`"
CONFLICT = "<<<<<<< "
CONFLICTED = "a merge left its conflicts there"  # a fault, but no damage


def check_locks(root: Path) -> Iterator[Finding]:
    """The state of every dvc.lock and of rwlock."""
    for path in lock_files(root):
        fault = lock_fault((root / path).read_bytes())
        if fault == CONFLICTED:
            yield problem(f"{path}: {fault}", f"`git checkout --ours {path}`, then `dvc repro`")
        elif fault:
            yield problem(f"{path}: {fault}", f"{REPAIR}, then `dvc repro`")
        else:
            yield ok(f"{path} can be read")
    fault = rwlock_fault(root)
    yield problem(f"{RWLOCK}: {fault}", REPAIR) if fault else ok(f"{RWLOCK} is in order")


def repair(root: Path) -> list[str]:
    """Mend every damaged dvc.lock and rwlock; others are not touched.

    A dvc.lock is taken from git, and where that has none, left out: DVC's run cache remembers the
    results either way. The damaged file is kept in .dvc/tmp.

    Returns:
        What was done, a line each.

    Raises:
        InputError: a process of DVC is at work in this repository.
    """
    if not _damaged_locks(root) and not rwlock_fault(root):
        return []
    with dvc_at_rest(root):
        done = [_restore(root, path) for path in _damaged_locks(root)]
        if rwlock_fault(root):
            (root / RWLOCK).unlink()
            done.append(f"{RWLOCK}: removed; no process held it, and DVC makes a new one")
    return done


def lock_files(root: Path) -> list[Path]:
    """Every dvc.lock, relative to ``root``."""
    found = [root / "dvc.lock", *sorted(root.glob("stages/*/dvc.lock"))]
    return [path.relative_to(root) for path in found if path.is_file()]


def lock_fault(content: bytes) -> str | None:
    """Why DVC would refuse a dvc.lock, or ``None``: it is read as DVC reads it."""
    if not content.strip():
        return "damaged: it is empty"
    try:
        text = content.decode()
        if CONFLICT in text:
            return CONFLICTED
        dvc_internals.check_lock(text)
    except ValueError:
        return "damaged: it is not whole"
    return None


def rwlock_fault(root: Path) -> str | None:
    """Why DVC would refuse .dvc/tmp/rwlock, or ``None``; it may also be missing."""
    try:
        content = (root / RWLOCK).read_bytes()
    except FileNotFoundError:
        return None
    if not content.strip():
        return "damaged: it is empty"
    try:
        dvc_internals.rwlock_holders(content)
    except ValueError:
        return "damaged: it is not whole"
    return None


def _damaged_locks(root: Path) -> list[Path]:
    return [
        path
        for path in lock_files(root)
        if lock_fault((root / path).read_bytes()) not in (None, CONFLICTED)
    ]


def _restore(root: Path, path: Path) -> str:
    aside = root / TEMPORARY / ("-".join(path.parts) + ".damaged")
    damaged = (root / path).read_bytes()
    # ./ is this project, which may be a folder of a larger repository.
    committed = git(root, "show", f"HEAD:./{path.as_posix()}")
    content = committed.stdout.encode()
    write_atomically(aside, damaged)
    kept = f"the damaged one is {aside.relative_to(root)}"
    if committed.returncode != 0 or lock_fault(content):
        (root / path).unlink()
        return f"{path}: removed, as git has none; DVC makes a new one, and {kept}"
    write_atomically(root / path, content)
    return f"{path}: as of git's HEAD; {kept}"


@contextmanager
def dvc_at_rest(root: Path) -> Iterator[None]:
    """With both of DVC's locks held, while no process of DVC waits for a stage."""
    (root / TEMPORARY).mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for name in ("lock", "rwlock.lock"):
            held = stack.enter_context((root / TEMPORARY / name).open("a+"))
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise InputError(
                    f"DVC is at work here ({TEMPORARY / name} is locked): nothing was changed; "
                    "try again when it has ended"
                ) from error
        running = sorted(_named_in_rwlock(root) | _processes_of_dvc(root))
        if running:
            raise InputError(
                f"DVC is at work here (process {', '.join(map(str, running))}): nothing was "
                "changed; try again when it has ended"
            )
        yield


def _named_in_rwlock(root: Path) -> set[int]:
    """The processes that a whole rwlock names and that live.

    One that began after rwlock was written last has only been given the number of a dead one.
    """
    file = root / RWLOCK
    try:
        named = dvc_internals.rwlock_holders(file.read_bytes())
    except (FileNotFoundError, ValueError):  # there is none, or it is damaged
        return set()
    living = set()
    for pid in named:
        try:
            if psutil.Process(pid).create_time() <= file.stat().st_mtime:
                living.add(pid)
        except psutil.NoSuchProcess:
            continue
    return living


def _processes_of_dvc(root: Path) -> set[int]:
    """Living processes of DVC in this repository, those of queued experiments left out.

    An experiment of the queue runs in a checkout of its own, below .dvc/tmp/exps.
    """
    found = set()
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            folder = Path(process.cwd())
        except psutil.Error:
            continue
        is_dvc = any(Path(word).name == "dvc" for word in words[:3])
        inside = folder.is_relative_to(root.resolve())
        if is_dvc and inside and not folder.is_relative_to(root.resolve() / TEMPORARY / "exps"):
            found.add(process.pid)
    return found

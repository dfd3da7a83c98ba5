"""One thin entry point per DVC stage: load, call, write. Run as ``python -m stages.NAME``."""

import atexit
import errno
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

# A queued experiment runs in a checkout of its own. Its stages must use the code of that checkout,
# not that of the folder that was installed with `pip install -e .`, which may have changed since.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

# Looking for garbage while the model libraries make their million objects, and again among all of
# them when the process ends, was a third of a short stage's time.
gc.set_threshold(100_000)
atexit.register(gc.freeze)

# What a user can mend: rights, room, and a file where a folder is to be, or the reverse.
_UNWRITABLE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT),
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR),
}


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C, also during the long imports, is no fault whose place one would want to know."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted; the same command goes on with what is finished", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _say


def run(main: Callable[..., None], *arguments: str) -> None:
    """Run a stage; bad input ends it with its message alone, and so does a folder that cannot be
    written to, or a full disk; everything else with a traceback.
    """
    from caption_curation.support.launcher import process_info

    processes = process_info()
    if processes.count > 1:
        sys.exit(
            f"error: {processes.count} processes were launched for a stage that runs in one; "
            "start it with python -m"
        )
    _run(main, *arguments)


def run_on_processes(main: Callable[..., None], *arguments: str) -> None:
    """Run a stage whose work several processes can share, by the launcher that the user names.

    See :mod:`caption_curation.support.launcher`. ``main`` runs in each of them; the main process
    writes.
    """
    from caption_curation.support.launcher import launch, process_info

    spec = sys.modules["__main__"].__spec__
    if spec:  # started by python -m
        _run(launch, spec.name, arguments)
    _run(main, *arguments)
    if process_info().count > 1:
        from caption_curation.compute.process_group import destroy_process_group

        destroy_process_group()


def _run(main: Callable[..., None], *arguments: Any) -> None:
    from caption_curation.support.errors import InputError, NonFiniteLoss

    try:
        main(*arguments)
    except (InputError, NonFiniteLoss) as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        sys.exit(f"error: {error.filename2 or error.filename or 'disk'}: {error.strerror}")

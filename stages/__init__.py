"""One thin entry point per DVC stage: load, call, write. Run as ``python -m stages.NAME``.

``python -m stages.NAME --help`` says what a stage does, and runs nothing.
"""

import atexit
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

# A queued experiment runs in a checkout of its own. Its stages must use the code of that checkout,
# not that of the folder that was installed with `pip install -e .`, which may have changed since.
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

# Looking for garbage while the model libraries make their million objects, and again among all of
# them when the process ends, was a third of a short stage's time.
gc.set_threshold(100_000)
atexit.register(gc.freeze)


# While Python locates the module of `python -m stages.NAME`, that is its first argument: nothing of
# the stage is imported yet, and the libraries will find the switches of its arithmetic.
if sys.argv[0] == "-m":
    from caption_curation.support.arithmetic import set_switches

    set_switches(Path("params.yaml"))


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C, also during the long imports, is no fault whose place one would want to know."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted; the same command goes on with what is finished", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _say


def run(main: Callable[..., None], *, check_versions: bool = False) -> None:
    """Run a stage with the arguments of its command line, or say what it does (``--help``).

    ``check_versions``: it uses the model libraries, and refuses to run with others than
    ``versions.yaml`` records. To refuse at once, its module imports them in ``main`` only.

    Bad input ends it with its message alone, and so does another stage's result that is not there,
    a folder that cannot be written to, or a full disk; everything else with a traceback. Wrong
    arguments are exit status 2.
    """
    arguments = _arguments(main)

    from caption_curation.support.launcher import process_info

    processes = process_info()
    if processes.count > 1:
        sys.exit(
            f"error: {processes.count} processes were launched for a stage that runs in one; "
            "start it with python -m"
        )
    if check_versions:
        _run(_refuse_other_versions)
    _run(main, *arguments)


def run_on_processes(main: Callable[..., None]) -> None:
    """Run a stage whose work several processes can share, by the launcher that the user names.

    See :mod:`caption_curation.support.launcher`. ``main`` runs in each of them; the main process
    writes. It uses the model libraries, as :func:`run` says.
    """
    arguments = _arguments(main)
    _run(_refuse_other_versions)

    from caption_curation.support.launcher import launch, process_info

    spec = sys.modules["__main__"].__spec__
    if spec:  # started by python -m
        _run(launch, spec.name, sys.argv[1:])
    _run(main, *arguments)
    if process_info().count > 1:
        from caption_curation.compute.process_group import destroy_process_group

        destroy_process_group()


def _arguments(main: Callable[..., None]) -> list[Any]:
    """What ``main`` is called with; ends the process after ``--help`` and by wrong arguments."""
    from caption_curation.support.stage_arguments import UsageError, help_text, read_arguments

    spec = sys.modules["__main__"].__spec__
    module = spec.name if spec else main.__module__
    words = sys.argv[1:]
    if {"-h", "--help"} & set(words):
        print(help_text(main, module, ROOT))
        sys.exit(0)
    try:
        return read_arguments(main, module, words)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def _refuse_other_versions() -> None:
    from caption_curation.support.versions import check_versions

    check_versions(ROOT)


def _run(main: Callable[..., None], *arguments: Any) -> None:
    from caption_curation.support.errors import InputError, NonFiniteLoss
    from caption_curation.support.unwritable import describe_missing, describe_unwritable

    try:
        main(*arguments)
    except (InputError, NonFiniteLoss) as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        message = describe_unwritable(error) or describe_missing(error)
        if message is None:
            raise
        sys.exit(f"error: {message}")

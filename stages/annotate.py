"""Serve the page on which one or several people annotate a set of images.

Not a stage of the pipeline. The optional packages of requirements-study.txt are needed.
"""

import argparse
import errno
import getpass
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from caption_curation.support.errors import InputError
from stages import run

if TYPE_CHECKING:
    from flask import Flask

PASSWORD = "CAPTION_CURATION_PASSWORD"  # this environment variable, so that no history has it


def main(*arguments: str) -> None:
    options = _parse(arguments)
    if not 1 <= options.port <= 65535:
        raise InputError(f"--port {options.port}: 1 to 65535")
    try:
        from caption_curation.human_study.annotation_page import access, app, progress, study_set
    except ModuleNotFoundError as error:
        raise InputError(f"{error}: pip install -r requirements-study.txt") from error
    from caption_curation.human_study.annotations.records import check_code

    if options.annotator is not None:
        check_code(options.annotator)
    shown = study_set.load_set(options.sets, options.set)
    for note in progress.check_annotations(shown, options.annotations):
        print(f"note: {note}", file=sys.stderr)
    local_only = access.is_loopback(options.host)
    application = app.create_app(
        shown,
        options.annotations,
        annotator=options.annotator,
        password=_password(local_only, access.SHORTEST_PASSWORD),
        local_only=local_only,
    )
    _serve(application, options.host, options.port)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.annotate", description="Let people annotate a set of images."
    )
    parser.add_argument("--set", type=int, required=True, metavar="N", help="number of the set")
    parser.add_argument(
        "--annotator",
        metavar="CODE",
        help="letters, digits, - and _ (default: people enter their codes on the page)",
    )
    parser.add_argument(
        "--sets",
        type=Path,
        default=Path("data/human_study/sets"),
        metavar="FOLDER",
        help="where the sets lie (default: %(default)s)",
    )
    parser.add_argument(
        "--annotations",
        type=Path,
        default=Path("data/human_study/annotations"),
        metavar="FOLDER",
        help="where annotations go, one file an annotator (default: %(default)s)",
    )
    parser.add_argument(
        "--host",
        default="localhost",
        help="address to listen at; all but this machine's own need a password, from "
        f"{PASSWORD} in the environment or typed in (default: %(default)s)",
    )
    parser.add_argument("--port", type=int, default=8000, help="default: %(default)s")
    return parser.parse_args(arguments)


def _password(local_only: bool, shortest: int) -> str | None:
    password = os.environ.get(PASSWORD)
    if password is None and not local_only and sys.stdin.isatty():
        password = getpass.getpass("Password for the annotators: ")
    if password is None and local_only:
        return None
    if password is None:
        raise InputError(
            f"others reach this address, so it needs a password of at least {shortest} characters "
            f"in the environment variable {PASSWORD}"
        )
    if len(password) < shortest:
        raise InputError(
            f"the password ({PASSWORD}, if it is set) has {len(password)} characters; "
            f"at least {shortest} characters are needed"
        )
    return password


def _serve(application: "Flask", host: str, port: int) -> None:
    import waitress

    try:
        server = waitress.create_server(application, host=host, port=port, ident=None)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise InputError(
                f"port {port} of {host} is in use: choose another one with --port"
            ) from error
        raise InputError(f"cannot listen at {host}, port {port}: {error}") from error
    name = socket.gethostname() if host in ("0.0.0.0", "::") else host
    print(f"http://{f'[{name}]' if ':' in name else name}:{port}/ (Ctrl-C ends it)", flush=True)
    server.run()


if __name__ == "__main__":
    run(main, *sys.argv[1:])

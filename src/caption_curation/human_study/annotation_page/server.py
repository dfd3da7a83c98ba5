"""Serving the page: its address, its password, and the set that it shows."""

import errno
import getpass
import os
import socket
import sys
from pathlib import Path

import waitress

from caption_curation.human_study.annotation_page.access import SHORTEST_PASSWORD, is_loopback
from caption_curation.human_study.annotation_page.app import create_app
from caption_curation.human_study.annotation_page.progress import check_annotations
from caption_curation.human_study.annotation_page.study_set import load_set
from caption_curation.human_study.annotations.records import check_code
from caption_curation.support.errors import InputError

PASSWORD = "CAPTION_CURATION_PASSWORD"  # this environment variable, so that no history has it


def serve(
    sets: Path, number: int, annotations: Path, *, annotator: str | None, host: str, port: int
) -> None:
    """Serve a set until Ctrl-C; prints the address.

    Args:
        sets: the folder of sets.
        number: of the set.
        annotations: the folder that annotations go to.
        annotator: whose code they have; ``None``: people enter theirs on the page.
        host: the address to listen at; any but this machine's own needs a password.
        port: 1 to 65535.

    Raises:
        InputError: the set, the code, the password or the address cannot be used.
    """
    if annotator is not None:
        check_code(annotator)
    study_set = load_set(sets, number)
    for note in check_annotations(study_set, annotations):
        print(f"note: {note}", file=sys.stderr)
    local_only = is_loopback(host)
    application = create_app(
        study_set,
        annotations,
        annotator=annotator,
        password=_password(local_only),
        local_only=local_only,
    )
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


def _password(local_only: bool) -> str | None:
    password = os.environ.get(PASSWORD)
    if password is None and not local_only and sys.stdin.isatty():
        password = getpass.getpass("Password for the annotators: ")
    if password is None and local_only:
        return None
    if password is None:
        raise InputError(
            f"others reach this address, so it needs a password of at least {SHORTEST_PASSWORD} "
            f"characters in the environment variable {PASSWORD}"
        )
    if len(password) < SHORTEST_PASSWORD:
        raise InputError(
            f"the password ({PASSWORD}, if it is set) has {len(password)} characters; "
            f"at least {SHORTEST_PASSWORD} characters are needed"
        )
    return password

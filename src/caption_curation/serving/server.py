"""Serving an application: its address and its password."""

import errno
import getpass
import logging
import os
import socket
import sys

import waitress
from flask import Flask

from caption_curation.serving.access import SHORTEST_PASSWORD, is_loopback
from caption_curation.support.errors import InputError

PASSWORD = "CAPTION_CURATION_PASSWORD"  # this environment variable, so that no history has it


def serve_until_interrupted(application: Flask, *, host: str, port: int) -> None:
    """Serve an application until Ctrl-C; prints the address.

    Args:
        application: guarded (:func:`~.access.guard`).
        host: the address to listen at.
        port: 1 to 65535.

    Raises:
        InputError: the address cannot be used.
    """
    # A page of many images is asked for at once, and that they wait in a queue is no trouble.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
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


def password_for(host: str) -> str | None:
    """The password that whoever opens a page at this address must send; ``None``: nobody need.

    Args:
        host: the address to listen at; any but this machine's own needs one.

    Raises:
        InputError: one is needed and there is none, or it is too short.
    """
    local_only = is_loopback(host)
    password = os.environ.get(PASSWORD)
    if password is None and not local_only and sys.stdin.isatty():
        password = getpass.getpass("Password for those who use the pages: ")
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

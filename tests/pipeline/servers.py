"""Real servers on the loopback for DVC's remotes: OpenSSH's sshd, and S3 as moto serves it."""

import getpass
import logging
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

LOOPBACK = "127.0.0.1"
PATIENCE = 60  # seconds until something that should have happened is thought never to happen

SSHD_CONFIG = """\
ListenAddress {address}
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
"""


class CannotServe(Exception):
    """Why there is no server on this machine."""


@dataclass(frozen=True)
class SSHServer:
    """Where sshd listens, and the private key that it lets in."""

    port: int
    key: Path

    def url(self, folder: Path) -> str:
        """DVC's address of a folder of this machine."""
        return f"ssh://{getpass.getuser()}@{LOOPBACK}:{self.port}{folder}"


@contextmanager
def ssh_server(folder: Path) -> Iterator[SSHServer]:
    """An sshd that reads nothing of the machine's own configuration.

    Args:
        folder: for its configuration, its keys and its log.

    Raises:
        CannotServe: OpenSSH's server is not installed, or lets nobody in here.
    """
    sshd = shutil.which("sshd", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if sshd is None or shutil.which("ssh") is None:
        raise CannotServe(
            "there is no sshd on this machine (Debian: apt-get install openssh-server)"
        )
    if os.geteuid() == 0:  # then sshd wants this empty folder, which its service would make
        with suppress(OSError):
            Path("/run/sshd").mkdir(exist_ok=True, mode=0o755)
    for name in ("host_key", "key"):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(words, check=True)
    server = SSHServer(free_port(), folder / "key")
    config = folder / "sshd_config"
    config.write_text(SSHD_CONFIG.format(address=LOOPBACK, port=server.port, folder=folder))
    log = folder / "log"
    process = subprocess.Popen([sshd, "-D", "-f", str(config), "-E", str(log)])
    try:
        _wait_until_it_lets_in(server, process, log)
        yield server
    finally:
        process.terminate()
        process.wait()


def _wait_until_it_lets_in(
    server: SSHServer, process: "subprocess.Popen[bytes]", log: Path
) -> None:
    options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"]
    words = [
        *("ssh", "-F", "none", "-i", str(server.key), "-p", str(server.port)),
        *(word for option in options for word in ("-o", option)),
        *(f"{getpass.getuser()}@{LOOPBACK}", "true"),
    ]
    said = ""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        done = subprocess.run(words, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode == 0:
            return
        said = done.stderr
        if "Connection refused" not in said:
            break
        time.sleep(0.05)
    logged = log.read_text() if log.exists() else ""
    raise CannotServe(f"sshd lets nobody in: {' '.join(f'{logged} {said}'.split())}")


class S3Server:
    """S3 with one bucket; it can stop answering uploads, as a network does that goes away."""

    bucket = "captions"

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._uploads_left: int | None = None
        self._lock = threading.Lock()
        self.stalled = threading.Event()
        self._released = threading.Event()
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = make_server(
            LOOPBACK, 0, self._answer, threaded=True, request_handler=MotoRequestHandler
        )
        self.endpoint = f"http://{LOOPBACK}:{self._server.server_port}"

    def start(self) -> None:
        """Serve, in a thread of this process."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        request = urllib.request.Request(f"{self.endpoint}/{self.bucket}", method="PUT")
        urllib.request.urlopen(request).close()

    def stop(self) -> None:
        """Serve no longer."""
        self.answer_again()
        self._server.shutdown()
        self._server.server_close()

    def stall_after(self, uploads: int) -> None:
        """Take so many more uploads, then leave the next ones without an answer."""
        self._released.clear()
        self.stalled.clear()
        with self._lock:
            self._uploads_left = uploads

    def answer_again(self) -> None:
        """Take uploads again; those that wait are refused."""
        with self._lock:
            self._uploads_left = None
        self._released.set()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "PUT" and not self._takes_upload():
            self.stalled.set()
            self._released.wait()
            start_response("503 Slow Down", [])
            return []
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer

    def _takes_upload(self) -> bool:
        with self._lock:
            if self._uploads_left is None:
                return True
            self._uploads_left -= 1
            return self._uploads_left >= 0


def free_port() -> int:
    """A port of the loopback that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        return int(listener.getsockname()[1])

"""The pages that people work on, served by a real process for a real browser."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import REPOSITORY

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


@contextmanager
def served(words: Sequence[object], folder: Path) -> Iterator[str]:
    """The address of a page that a command serves in a process of its own.

    Args:
        words: of the command, without address and port.
        folder: that it runs in.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    arguments = [*words, "--host", "127.0.0.1", "--port", port]
    with subprocess.Popen(
        [sys.executable, "-m", "caption_curation", *map(str, arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src")},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith(f"http://127.0.0.1:{port}/"):
                    break
            else:
                raise AssertionError("".join(said))
            yield line.split()[0]
        finally:
            process.terminate()

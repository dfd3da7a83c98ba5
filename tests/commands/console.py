"""The console entry point in this process: what it prints, and how it ends."""

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from caption_curation.commands.main import run


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str


def console(*words: object) -> Ended:
    """Run ``caption-curation`` with some words."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        status = run([str(word) for word in words])
    return Ended(status, out.getvalue(), err.getvalue())


def succeed(*words: object) -> str:
    """Run ``caption-curation``, which must succeed; what it prints."""
    ended = console(*words)
    assert ended.status == 0, ended.err + ended.out
    return ended.out


def fail(*words: object, status: int = 1) -> str:
    """Run ``caption-curation``, which must end with a message; the message."""
    ended = console(*words)
    assert ended.status == status, ended
    assert ended.err.splitlines()[-1:] != [] and "error: " in ended.err
    return ended.err.partition("error: ")[2]

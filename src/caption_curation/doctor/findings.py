"""What a check found, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

INSTALL = "pip install -r requirements.txt"  # the mend of what is missing


class State(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # something will be slower, larger, or other than expected
    PROBLEM = "problem"  # a command of the project fails, or loses results


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at and found, and the mend where it is not in order."""

    state: State
    what: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.state:8} {self.what}" + (f"; {self.mend}" if self.mend else "")


def ok(what: str) -> Finding:
    """In order."""
    return Finding(State.OK, what)


def warning(what: str, mend: str) -> Finding:
    """Not as it should be."""
    return Finding(State.WARNING, what, mend)


def problem(what: str, mend: str) -> Finding:
    """Broken."""
    return Finding(State.PROBLEM, what, mend)

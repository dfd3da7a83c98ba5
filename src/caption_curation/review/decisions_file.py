"""The file of decisions while people decide: written whole after every one, by any number of them.

It is what ``inputs.decisions`` names (:mod:`caption_curation.curation.decisions`). Lines stand in
the order of epochs and sample ids, so that equal decisions are equal bytes, in whatever order they
were made, and two people's files merge line by line in git. Lines of others, with whatever further
keys they have, stay as they are.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from threading import RLock

from caption_curation.curation.decisions import Decision
from caption_curation.support.errors import InputError
from caption_curation.support.outputs import write_atomically
from caption_curation.support.reading import read_json_rows
from caption_curation.support.rows import Faults, check


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision without its sample; of ``caption``, the one to give."""

    decision: str
    caption: str = ""


class DecidedOtherwise(Exception):
    """Somebody else has decided about the sample in the meantime.

    Attributes:
        now: what; ``None``: that it is undecided again.
    """

    def __init__(self, now: Decided | None) -> None:
        super().__init__("somebody else has decided about this sample in the meantime")
        self.now = now


class DecisionsFile:
    """The decisions of a file about the samples of one epoch; others' are kept.

    The file is read again whenever another program has written it, and a lock on its folder keeps
    two programs from writing at once. All methods may be called from several threads.
    """

    def __init__(self, path: Path, epoch: int) -> None:
        """Args:
        path: of the file; until something is decided there need not be one.
        epoch: after which the samples were chosen.

        Raises:
            InputError: with every fault of the file.
        """
        self.path = path
        self._epoch = epoch
        self._threads = RLock()
        self._state: tuple[int, ...] | None = None  # of the file as it was read or written
        self._lines: dict[tuple[int, str], bytes] = {}
        self._decided: dict[str, Decided] = {}
        self.current()

    def current(self) -> Mapping[str, Decided]:
        """What was decided about samples of this epoch, by sample id.

        Raises:
            InputError: another program has written a file with faults.
        """
        with self._threads:
            if _state_of(self.path) != self._state:
                with _locked(self.path.parent):
                    self._keep_up()
            return self._decided

    def decide(
        self, sample_id: str, decision: Decided | None, *, instead_of: Decided | None
    ) -> None:
        """Write down a decision; it is in the file when this returns.

        Args:
            sample_id: of a sample of this epoch.
            decision: ``None``: it is undecided again.
            instead_of: what the person who decides knows of earlier decisions.

        Raises:
            DecidedOtherwise: there is another one; nothing is written.
            InputError: the file has faults, which another program wrote.
            OSError: it cannot be written.
        """
        with self._threads, _locked(self.path.parent):
            self._keep_up()
            now = self._decided.get(sample_id)
            if now != instead_of:
                raise DecidedOtherwise(now)
            key = (self._epoch, sample_id)
            lines = dict(self._lines)
            if decision is None:
                lines.pop(key, None)
            else:
                lines[key] = _line(self._epoch, sample_id, decision)
            ordered = {name: lines[name] for name in sorted(lines)}
            write_atomically(self.path, b"".join(ordered.values()))
            self._state, self._lines = _state_of(self.path), ordered
            self._decided = (
                self._decided | {sample_id: decision}
                if decision
                else {name: each for name, each in self._decided.items() if name != sample_id}
            )

    def _keep_up(self) -> None:
        """Read the file if another program has written it, which none does in the meantime."""
        state = _state_of(self.path)
        if state != self._state:
            self._read()
            self._state = state

    def _read(self) -> None:
        rows: dict[int, Decision] = {}
        content = b""
        if self.path.exists():
            rows = read_json_rows(self.path, Decision)
            content = self.path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        lines = content.split(b"\n")
        found: dict[tuple[int, str], bytes] = {}
        first: dict[tuple[int, str], int] = {}
        decided: dict[str, Decided] = {}
        faults = Faults("line")
        for number, row in rows.items():
            key = (row.epoch, intern(row.sample_id))
            if first.setdefault(key, number) != number:
                faults.add(number, f"line {first[key]} decides about the same sample and epoch")
            found[key] = lines[number - 1].strip() + b"\n"
            if row.epoch == self._epoch:
                decided[key[1]] = Decided(intern(row.decision), row.caption)
        faults.refuse(self.path)
        self._lines, self._decided = found, decided


def decided(value: object, epoch: int, sample_id: str) -> Decided | None:
    """A decision as a browser sends it, ``{"decision", "caption"}``, checked; ``None``: undecided.

    Raises:
        InputError: it is none that the file may hold.
    """
    if value is None:
        return None
    faults: list[str] = []
    fields = value if isinstance(value, dict) else {"decision": value}
    row = check(Decision, {**fields, "epoch": epoch, "sample_id": sample_id}, faults)
    if row is None:
        raise InputError("; ".join(faults))
    return Decided(row.decision, row.caption)


def _line(epoch: int, sample_id: str, decision: Decided) -> bytes:
    record = {"epoch": epoch, "sample_id": sample_id, "decision": decision.decision}
    if decision.caption:
        record["caption"] = decision.caption
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


def _state_of(path: Path) -> tuple[int, ...] | None:
    """What tells whether a file is another one than before; ``None``: there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other programs that ask likewise from writing in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)

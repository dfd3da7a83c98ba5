"""Parts of a map: results of some items each, saved while the rest is being computed.

Items are numbered from 0, and nothing here knows what they are. Whoever has computed the results of
some of them, in ascending order, adds them; a part is written when it is full. Parts do not depend
on each other, so that any number of processes, on any machines, may write their own into one
folder, and whoever goes on reads all of them.

A part is JSON Lines or safetensors, written whole under another name and then renamed. Its name
ends in a digest of its content, so that one which is damaged all the same is not believed: its
items count as not computed.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from caption_curation.support.outputs import write_atomically

Result = TypeVar("Result")


@dataclass(frozen=True)
class Form(Generic[Result]):
    """How the results of items, by their numbers, become the bytes of a part, and back."""

    suffix: str
    encode: Callable[[Mapping[int, Result]], bytes]
    decode: Callable[[bytes], dict[int, Result]]


def json_lines(encode: Callable[[Result], Any], decode: Callable[[Any], Result]) -> Form[Result]:
    """A line an item: its number, and what its result is in JSON. Floats keep all their digits."""

    def lines(results: Mapping[int, Result]) -> bytes:
        records = ([item, encode(result)] for item, result in results.items())
        return "".join(json.dumps(record) + "\n" for record in records).encode()

    def results(content: bytes) -> dict[int, Result]:
        records = (json.loads(line) for line in content.splitlines())
        return {item: decode(value) for item, value in records}

    return Form("jsonl", lines, results)


def arrays() -> Form[Any]:
    """A numpy array an item, of any shape and type, as safetensors."""
    from safetensors.numpy import load, save

    def tensors(results: Mapping[int, Any]) -> bytes:
        content: bytes = save({str(item): array for item, array in results.items()})
        return content

    def results(content: bytes) -> dict[int, Any]:
        return {int(item): array for item, array in load(content).items()}

    return Form("safetensors", tensors, results)


class Parts(Generic[Result]):
    """The parts of one map in a folder, as one of the processes that compute it sees them."""

    def __init__(self, folder: Path, form: Form[Result], size: int) -> None:
        """Read and write parts.

        Args:
            folder: of this map alone; it is made when a part is written.
            form: of the parts.
            size: number of items of a part.
        """
        self._folder, self._form, self._size = folder, form, size
        self._waiting: dict[int, Result] = {}

    def finished(self) -> dict[int, Result]:
        """The results that are saved, by item, in ascending order; a damaged part is removed."""
        found: dict[int, Result] = {}
        for file in sorted(self._folder.glob(f"*.{self._form.suffix}")):
            content = file.read_bytes()
            if file.stem.rpartition("-")[2] == _digest(content):
                found |= self._form.decode(content)
            else:
                file.unlink()
        return dict(sorted(found.items()))

    def add(self, item: int, result: Result) -> None:
        """Take a result; with those that came before it, it is saved when they fill a part."""
        self._waiting[item] = result
        if len(self._waiting) == self._size:
            content = self._form.encode(self._waiting)
            name = f"{min(self._waiting):08d}-{_digest(content)}.{self._form.suffix}"
            write_atomically(self._folder / name, content)
            self._waiting.clear()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]

"""Where a picture is that is no file: inside of an archive or a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


class Store(Protocol):
    """An archive or a table with pictures inside; equal ones are one."""

    def contents(self, places: Sequence[tuple[int, ...]]) -> Iterator[bytes]:
        """The bytes of the pictures at these places, which come in the store's own order."""
        ...


@dataclass(frozen=True, slots=True)
class Inside:
    """Where a picture is that is no file: its store, and the place in it as the store counts."""

    store: Store
    place: tuple[int, ...]

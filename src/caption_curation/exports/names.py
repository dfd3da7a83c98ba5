"""Names of exported picture files: legible, and safe on every file system and in every form.

A name is kept where it is made of letters, digits, ``-`` and ``_`` with one dot before the ending.
Other characters become ``_``, and names without them are told apart by a digest of where the file
came from; so are names that differ in nothing but case or ending, which tars (where all up to the
first dot is a key) and some file systems cannot tell apart.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
LONGEST = 100  # characters of a name without its ending
DIGITS = 10  # of a digest
# Devices of Windows, where no file can be called so.
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)
# Endings by which every reader knows a picture.
ENDINGS = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def safe_stems(sources: Iterable[str]) -> dict[str, str]:
    """A stem for each source; no two are equal, whatever their case.

    Args:
        sources: paths or ids, each once. Of a path it is the last part without the ending.
    """
    wanted = {source: _stem(source) for source in sources}
    times = Counter(stem.casefold() for stem in wanted.values())
    return {
        source: stem
        if _can_stay(stem) and times[stem.casefold()] == 1
        else _told_apart(stem, source)
        for source, stem in wanted.items()
    }


def known_ending(file: str) -> str | None:
    """The ending of a picture's file, if it is one that every reader knows."""
    ending = PurePosixPath(file).suffix
    return ending if ending.lower() in ENDINGS else None


def _stem(source: str) -> str:
    name = PurePosixPath(source).name
    ending = known_ending(name)
    stem = name.removesuffix(ending) if ending else name
    return stem.replace("#", "-")  # of sample ids


def _can_stay(stem: str) -> bool:
    fits = SAFE.fullmatch(stem) is not None and len(stem) <= LONGEST
    return fits and not RESERVED.fullmatch(stem)


def _told_apart(stem: str, source: str) -> str:
    letters = re.sub(r"[^A-Za-z0-9_-]+", "_", stem).lstrip("-")[: LONGEST - DIGITS - 1]
    digest = hashlib.sha256(source.encode()).hexdigest()[:DIGITS]
    return f"{letters or 'picture'}-{digest}"

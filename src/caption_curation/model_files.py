"""The files that a model in the hub's layout consists of, and their digest."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

DIGEST = "digest.json"  # a model folder's file that holds its own digest
TEXT_FILES = ("*.json", "*.txt", "*.jinja")  # configurations, tokenizers, chat templates


def model_files(folder: Path, parts: Sequence[str]) -> list[Path]:
    """The files of a model, sorted: all configurations and tokenizers, and the parts' weights.

    Everything else in the folder (other formats and precisions, hidden folders) is left out.
    """
    patterns = [*TEXT_FILES, *(name for part in parts for name in part.split("|"))]
    found = {
        path
        for pattern in patterns
        for path in (folder.rglob(pattern) if pattern in TEXT_FILES else folder.glob(pattern))
        if path.is_file() and not _is_hidden(path.relative_to(folder))
    }
    return sorted(found)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content, 64 hexadecimal digits."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def weights_digest(folder: Path, digest_of: Callable[[Path], str] = file_digest) -> str:
    """SHA-256 over names and contents of all weight, configuration and tokenizer files.

    Args:
        folder: of the model.
        digest_of: a file's digest, which may be remembered.

    Returns:
        64 hexadecimal digits. They do not depend on ``digest.json``, which holds them, on files of
        other kinds, or on where the folder is.
    """
    digest = hashlib.sha256()
    for path in model_files(folder, ["**/*.safetensors"]):
        name = path.relative_to(folder).as_posix()
        if name != DIGEST:
            digest.update(f"{name}\0{digest_of(path)}\n".encode())
    return digest.hexdigest()


def _is_hidden(relative: Path) -> bool:
    return any(part.startswith(".") for part in relative.parts)

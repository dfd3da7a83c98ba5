"""Errors of the file system that a user can mend, told from faults of ours."""

import errno
from pathlib import Path

# Rights, room, and a file where a folder is to be, or the reverse.
_MENDABLE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT),
    *(errno.EEXIST, errno.ENOTDIR, errno.EISDIR),
}


def describe_unwritable(error: OSError) -> str | None:
    """The file and what is wrong, or ``None`` where a traceback would help more."""
    if error.errno not in _MENDABLE:
        return None
    return f"{error.filename2 or error.filename or 'disk'}: {error.strerror}"


def describe_missing(error: OSError) -> str | None:
    """What brings the result of a stage that is not there; ``None`` if something else is wrong.

    DVC has it before a stage that reads it runs, but not where only that stage is asked for.
    """
    file = Path(error.filename) if isinstance(error.filename, str | Path) else Path()
    if error.errno != errno.ENOENT or file.parts[:1] not in (("data",), ("reports",)):
        return None
    return f"{file}: there is no such file; `dvc pull` fetches it, or `dvc repro` makes it"

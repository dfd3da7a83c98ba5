"""Errors of the file system that a user can mend, told from faults of ours."""

import errno

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

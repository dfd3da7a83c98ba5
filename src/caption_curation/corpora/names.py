"""Names of image files as an input gives them: each must stay inside the folder of images."""

from pathlib import Path, PurePosixPath, PureWindowsPath

from caption_curation.support.rows import shown


def confined_name(name: str, folder: Path, inside: Path, found: list[str]) -> str | None:
    """The file's path relative to the image folder, which it must not leave, or ``None``.

    Args:
        name: relative to the folder; the file need not be there.
        folder: of the images, as the user names it.
        inside: the same with all links followed.
        found: gets the faults.
    """
    path = confined_path(name, found)
    if path is None:
        return None
    try:
        (folder / path).stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # for whoever wants the image
    except OSError as error:
        found.append(f"file {shown(path)}: {error.strerror}")
        return None
    if not (folder / path).resolve().is_relative_to(inside):
        found.append(f"file {path!r} is a link that leads out of the image folder {folder}")
        return None
    return path


def confined_path(name: str, found: list[str]) -> str | None:
    """A name as a plain relative path with no way up in it, or ``None`` and a fault.

    Nothing on disk is looked at.
    """
    try:
        name.encode()
    except UnicodeEncodeError:  # in an archive, names are bytes
        found.append(f"file {name!r}: its name is not UTF-8")
        return None
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name or not path.parts:
        found.append(f"file {str(path)!r} must be a path inside the image folder")
        return None
    return str(path)


def from_windows(name: str) -> str:
    """A name with slashes, whatever system wrote it; one with a drive becomes absolute."""
    path = PureWindowsPath(name)
    return f"/{path.as_posix()}" if path.drive and path.root else name.replace("\\", "/")

"""An export as a whole: checked first, then written, and there only when it is complete."""

from pathlib import Path

from caption_curation.exports.card import dataset_card
from caption_curation.exports.formats import FORMATS
from caption_curation.exports.rows import Contents
from caption_curation.support.errors import InputError
from caption_curation.support.extras import need_data
from caption_curation.support.outputs import atomic_folder

CARD = "README.md"


def check_target(folder: Path, option: str = "--to") -> None:
    """Refuse a folder that holds something: it would be replaced.

    Args:
        folder: to be made.
        option: that names it.

    Raises:
        InputError: naming the file or folder.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{option}: {folder} is a file; name a folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{option}: {folder} exists and is not empty; name another folder")


def check_packages(form: str) -> None:
    """Refuse a form whose packages are not installed.

    Raises:
        InputError: naming them, and how to install them.
    """
    if FORMATS[form].needs_data:
        need_data(f"--format {form}")


def write_export(contents: Contents, form: str, target: Path) -> None:
    """Write an export with its card; the folder appears when it is complete.

    Args:
        contents: rows and pictures.
        form: a name of the table of formats.
        target: a folder that is not there, or empty.

    Raises:
        InputError: the folder holds something, packages are missing, or a picture is damaged.
    """
    check_target(target)
    check_packages(form)
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(target) as folder:
        FORMATS[form].write(contents, folder)
        card = dataset_card(contents, form, target.name)
        (folder / CARD).write_text(card, encoding="utf-8")

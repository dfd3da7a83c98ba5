"""Libraries of an extra, which are not always installed: asked for by name before they are used."""

from importlib.util import find_spec

from caption_curation.support.errors import InputError

DATA = ("datasets", "pyarrow", "webdataset")
REMEDY = "pip install -r requirements-data.txt"


def lacking_data(what: str) -> list[str]:
    """A line where something needs the extra ``data`` that is not installed, with what installs it.

    Args:
        what: needs it, for the message.
    """
    missing = [name for name in DATA if find_spec(name) is None]
    return [f"{what}: needs {', '.join(missing)}: {REMEDY}"] if missing else []


def need_data(what: str) -> None:
    """Refuse what needs the extra ``data``, where it is not installed; see :func:`lacking_data`."""
    for line in lacking_data(what):
        raise InputError(line)

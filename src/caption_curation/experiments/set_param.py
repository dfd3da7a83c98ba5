"""Values as ``dvc exp run --set-param`` takes them, and what stages then read."""

import re

from caption_curation.experiments.dvc_internals import value_set_by_dvc
from caption_curation.support.errors import InputError

Value = bool | int | float | str | None


def set_param(key: str, value: Value) -> str:
    """The argument of ``--set-param`` that gives a parameter a value.

    Args:
        key: dotted, of params.yaml; of another file ``FILE:KEY``.
        value: text stays text, also where it looks like a number, a list or a sweep.
    """
    if isinstance(value, str):
        return f"{key}={_quoted(value)}"
    if isinstance(value, bool):
        return f"{key}={str(value).lower()}"
    return f"{key}={'null' if value is None else value}"


def value_as_read(value: Value) -> Value:
    """What the stages read where DVC has set a parameter to ``value``.

    DVC writes YAML 1.2 and stages read YAML 1.1, in which ``off`` is not text and ``1e-05`` is.

    Raises:
        InputError: DVC cannot set it.
    """
    read: Value = value_set_by_dvc(set_param("value", value))
    if isinstance(value, str) and isinstance(read, str) and read != value:
        raise InputError(f"`dvc exp run` makes {read!r} of it")
    return read


def _quoted(text: str) -> str:
    """Text that Hydra reads as this very text.

    A quote is escaped by a backslash, and only backslashes before a quote are doubled.
    """
    if re.fullmatch(r"[A-Za-z_][\w.-]*", text) and text.lower() not in _WORDS:
        return text

    def escaped(found: re.Match[str]) -> str:
        return found[1] * 2 + (r"\'" if found[2] else "")

    return "'" + re.sub(r"(\\*)('|\Z)", escaped, text) + "'"


_WORDS = {"true", "false", "null", "nan", "inf"}  # that Hydra takes for other values

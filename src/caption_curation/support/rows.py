"""What rows of users' files must hold: models, and the words for what is wrong with a value.

A row is an entry of a JSON list (``entry 3``, counted from 0), or a line of JSON Lines or CSV
(``line 4``, counted from 1). What it must hold is said once, by a model derived from :class:`Row`;
what the model does not name is passed over, whatever it is.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainValidator, TypeAdapter
from pydantic import ValidationError as Invalid
from pydantic_core import PydanticCustomError

from caption_curation.support.errors import InputError, list_faults

SHOWN = 60  # characters of a value that a message shows
ROWS_SHOWN = 3  # that have the same fault

Shape = TypeVar("Shape")


class Row(BaseModel):
    """What a row holds, or an object inside of one; other keys are passed over."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, allow_inf_nan=False)


class Unusable:
    """Stands for a value that JSON has and that cannot be used; its text says what it is."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __repr__(self) -> str:
        return self.what


def whole_characters(text: str) -> str:
    """The text, if it can be written in UTF-8; for validators of rows."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise PydanticCustomError(
                "surrogate", "must hold whole characters (no lone surrogate)"
            ) from error
    return text


def _identifier(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        raise PydanticCustomError("identifier", "must be an integer or a string")
    return whole_characters(value) if isinstance(value, str) else value


Text = Annotated[str, AfterValidator(whole_characters)]
"""A string of whole characters: JSON's escapes can write the half of a surrogate pair alone."""
Identifier = Annotated[int | str, PlainValidator(_identifier)]
"""An integer or a string that is not empty, as datasets have ids of both kinds."""


class Faults:
    """Faults by row: rows with the same fault are one line of a message."""

    def __init__(self, row: str) -> None:
        self._row = row
        self._where: dict[str, list[int]] = {}

    def add(self, number: int, fault: str) -> None:
        """Note what is wrong with a row."""
        self._where.setdefault(fault, []).append(number)

    def lines(self) -> list[str]:
        """One for each fault, with the first rows that have it."""
        return [
            f"{name_rows(self._row, numbers)}: {fault}" for fault, numbers in self._where.items()
        ]

    def refuse(self, path: object, expected: str = "") -> None:
        """Raise an InputError that lists the faults of a file, if there are any."""
        if self._where:
            heading = f"{path}: expected {expected}; faults" if expected else f"{path}: faults"
            raise InputError(list_faults(heading, self.lines()))


def name_rows(row: str, numbers: Sequence[int | str]) -> str:
    """``entry 3``, or ``entries 3, 4, 5 and 7 more``."""
    if len(numbers) == 1:
        return f"{row} {numbers[0]}"
    plural = row.removesuffix("y") + ("ies" if row.endswith("y") else "s")
    more = len(numbers) - ROWS_SHOWN
    told = ", ".join(map(str, numbers[:ROWS_SHOWN]))
    return f"{plural} {told}" + (f" and {more} more" if more > 0 else "")


def repetitions(row: str, values: Mapping[int, str]) -> list[str]:
    """A line for each value that several rows have: the value and the rows.

    Args:
        row: what a row is called.
        values: by number of the row.
    """
    where: dict[str, list[int]] = {}
    for number, value in values.items():
        where.setdefault(value, []).append(number)
    return [
        f"{value}: {name_rows(row, numbers)}" for value, numbers in where.items() if numbers[1:]
    ]


def check(shape: type[Shape], content: Any, faults: list[str]) -> Shape | None:
    """The validated content, or ``None`` and a line in ``faults`` for each of its faults.

    Args:
        shape: a model or any other type that pydantic knows; a list is one of entries.
        content: as :func:`.reading.read_json` returns it.
        faults: gets what is wrong, with the place: ``entry 3: caption must be …``, or
            ``images[3]: caption must be …``.
    """
    kind: Any = shape
    try:
        checked: Shape = _adapter(kind).validate_python(content)
    except Invalid as invalid:
        entries = Faults("entry")
        for place, fault in _faults_of(invalid):
            if place and isinstance(place[0], int):
                entries.add(place[0], _at(place[1:], fault))
            else:
                faults.append(_at(place, fault))
        faults += entries.lines()
        return None
    return checked


def check_row(shape: type[Shape], value: Any, number: int, faults: Faults) -> Shape | None:
    """The validated row, or ``None`` and its faults added."""
    kind: Any = shape
    try:
        row: Shape = _adapter(kind).validate_python(value)
    except Invalid as invalid:
        for place, fault in _faults_of(invalid):
            faults.add(number, _at(place, fault))
        return None
    return row


def shown(value: Any) -> str:
    """A value as a message shows it: like JSON, and not too long."""
    if isinstance(value, Unusable):
        return value.what
    text = ""
    try:
        for part in json.JSONEncoder(ensure_ascii=False, default=repr).iterencode(value):
            text += part
            if len(text) > SHOWN:
                return text[:SHOWN] + "…"
    except RecursionError:
        return "something nested too deeply"
    return text


@lru_cache
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def _faults_of(invalid: Invalid) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """The place and the words of every fault."""
    for fault in invalid.errors(include_url=False):
        if isinstance(fault["input"], Unusable):
            yield fault["loc"], f"is {fault['input'].what}"
            continue
        words = _WORDS.get(fault["type"], fault["msg"])
        if callable(words):
            words = words(fault.get("ctx", {}))
        if fault["type"] in _COMPLETE:
            yield fault["loc"], words.removeprefix("Value error, ")
        else:
            yield fault["loc"], f"{words}, not {shown(fault['input'])}"


def _at(place: Iterable[int | str], fault: str) -> str:
    """``images[3].sentences[0]: raw must be …``: the last key belongs to the sentence."""
    parts = list(place)
    key = parts.pop() if parts and isinstance(parts[-1], str) else None
    where = ""
    for part in parts:
        where += f"[{part}]" if isinstance(part, int) else f".{part}"
    sentence = fault if key is None else f"{key} {fault}"
    return f"{where.removeprefix('.')}: {sentence}" if where else sentence


# Their words need no value.
_COMPLETE = {"missing", "value_error", "extra_forbidden", "string_too_short", "too_short"}
_WORDS: dict[str, str | Callable[[Mapping[str, Any]], str]] = {
    "missing": "is missing",
    "extra_forbidden": "is an unknown key",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "string_type": "must be a string",
    "string_too_short": "must not be empty",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "bool_type": "must be true or false",
    "float_type": "must be a finite number",
    "finite_number": "must be a finite number",
    "literal_error": lambda context: f"must be {context['expected']}",
    "greater_than": lambda context: f"must be above {context['gt']}",
    "greater_than_equal": lambda context: f"must be at least {context['ge']}",
    "less_than_equal": lambda context: f"must be at most {context['le']}",
    "too_short": lambda context: (
        "must not be empty"
        if context["min_length"] == 1
        else f"must hold at least {context['min_length']}"
    ),
}

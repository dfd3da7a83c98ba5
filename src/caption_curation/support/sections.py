"""Sections of YAML files, validated: a strict base class, common types, errors in plain words.

A section only accepts or rejects values and never changes or adds one, so there are no defaults
here: the files are the one place where values are set.
"""

from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from caption_curation.support.errors import InputError
from caption_curation.support.reading import read_text

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
FileName = Annotated[str, Field(pattern=r"^[^/\\]+$")]  # without folders
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]


class InvalidParams(InputError):
    """A parameter file has values that are not allowed; the message lists every fault."""


class Section(BaseModel):
    """A part of the parameters: frozen, and an unknown key is an error.

    The docstring under a field is its description in the reference of parameters.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


Validated = TypeVar("Validated", bound=Section)


def load_section(section: type[Validated], path: Path) -> Validated:
    """Read and validate a parameter file.

    Raises:
        InvalidParams: with one line for every fault.
    """
    faults: list[str] = []
    validated = validate(section, read_yaml(path), path, faults)
    if validated is None:
        raise invalid(faults)
    return validated


def read_yaml(path: Path) -> dict[str, Any]:
    """The keys and values of a YAML file.

    Raises:
        InvalidParams: the file does not exist, or has other content.
    """
    try:
        content = yaml.safe_load(read_text(path))
    except InputError as error:
        raise InvalidParams(str(error)) from error
    except RecursionError as error:
        raise InvalidParams(f"{path}: not valid YAML: nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: impossible dates and numbers
        raise InvalidParams(f"{path}: not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise InvalidParams(f"{path}: expected keys and values, found {content!r}")
    return content


def validate(
    section: type[Validated], raw: dict[str, Any], path: Path | str, faults: list[str]
) -> Validated | None:
    """The validated section, or ``None`` and a line in ``faults`` for each fault of ``raw``.

    ``path`` is the file, or the words for it, that a line begins with.
    """
    try:
        return section.model_validate(raw)
    except ValidationError as error:
        faults.extend(_describe(fault, raw, path) for fault in error.errors())
        return None


def invalid(faults: list[str]) -> InvalidParams:
    """The error that lists all faults."""
    return InvalidParams("\n".join([f"{len(faults)} invalid parameter(s):", *faults]))


def _describe(fault: Any, raw: dict[str, Any], path: Path | str) -> str:
    """One line for a fault that pydantic found: file, key, value, what is allowed."""
    key = ".".join(_keys(fault["loc"], raw))
    if fault["type"] == "extra_forbidden":
        return f"{path}: {key}: unknown key"
    if fault["type"] == "missing":
        return f"{path}: {key}: missing key"
    message = fault["msg"].removeprefix("Value error, ")
    value = fault["input"]
    # YAML 1.1 reads `off` as False and PyYAML reads `1e-5`, without a dot, as text.
    hint = ""
    if isinstance(value, str) and fault["type"].startswith(("float", "int")):
        hint = " (YAML reads this as text; write numbers as 0.4 or 1.0e-5)"
    if isinstance(value, bool):
        hint = " (YAML reads on, off, yes and no as true or false; quote the word)"
    shown = "" if isinstance(value, dict) else f" = {value!r}"
    return f"{path}: {key}{shown}: {message}{hint}"


def _keys(location: tuple[str | int, ...], raw: Any) -> list[str]:
    """The keys of a fault's location, without the tags of discriminated unions.

    Sections of several kinds are discriminated by their key ``source``, and pydantic puts its value
    into the location; the tags of others are in angle brackets.
    """
    keys = []
    for part in location:
        if isinstance(raw, dict) and raw.get("source") == part and part not in raw:
            continue
        if str(part).startswith("<"):
            continue
        keys.append(str(part))
        inside = isinstance(raw, dict) and part in raw
        raw = raw[part] if inside else None
    return keys

"""``python -m docs.parameters`` writes docs/reference/parameters.md, from the repository's root.

Everything on the page comes from the pydantic models of the parameters (keys, types, allowed
values, and the docstring under each field as its meaning) and from the files that hold the demo's
values. A test says when the page is out of date.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from caption_curation.config.experiment import Experiment
from caption_curation.config.pretraining import Pretraining
from caption_curation.config.profile import Profile
from caption_curation.human_study.parameters import HumanStudy
from caption_curation.round_trip.parameters import RoundTrip
from caption_curation.support.errors import InputError
from caption_curation.support.sections import Section

REPOSITORY = Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs" / "reference" / "parameters.md"

Row = tuple[str, str, str, str]  # key, type, meaning, the demo's value

BEGINNING = """\
# Parameters

<!-- Written by `python -m docs.parameters` from the models that validate the parameters. -->

Every parameter that there is, its type, what is allowed, what it means, and its value in the demo.
No other file holds a default: what is not in these files is an error, and so is an unknown key. All
faults are listed at once, before anything runs.

- [`params.yaml`](#paramsyaml): the experiment. This is what you vary.
- [`profiles/NAME.yaml`](#profilesnameyaml): data, models and sizes. `profile` in `params.yaml`
  names one.
- [`stages/round_trip/params.yaml`](#stagesround_tripparamsyaml),
  [`stages/human_study/params.yaml`](#stageshuman_studyparamsyaml) and
  [`stages/pretrain/params.yaml`](#stagespretrainparamsyaml): of the pipelines beside the main
  one.

Write numbers as `0.4` or `1.0e-5` (YAML takes `1e-5`, without a dot, for text), and quote `"on"`
and `"off"`. `dvc exp run -S curation.ratio=0.2` sets a parameter for one experiment **and leaves
the value in `params.yaml`**; `git checkout HEAD params.yaml profiles` takes all such changes back.
A parameter of another file is set with the file's name before it, for instance
`-S profiles/demo.yaml:generator.fine_tuning.steps=500`.
"""


@dataclass(frozen=True, slots=True)
class ParameterFile:
    """A file of parameters, and the section that validates it."""

    title: str
    model: type[Section]
    values: Path
    introduction: str


FILES = (
    ParameterFile(
        "params.yaml",
        Experiment,
        Path("params.yaml"),
        "The experiment. An experiment's seeds, settings and results are compared by these keys.",
    ),
    ParameterFile(
        "profiles/NAME.yaml",
        Profile,
        Path("profiles/demo.yaml"),
        "The setting that an experiment runs in. `demo`, `flickr8k`, `flickr30k` and `coco` come "
        "with the project; copy one to make your own. Sections with a `source` come in several "
        "kinds; those that the demo does not use have no value in the last column.",
    ),
    ParameterFile(
        "stages/round_trip/params.yaml",
        RoundTrip,
        Path("stages/round_trip/params.yaml"),
        "The [round trip](../how-to/round-trip.md): how good is a generator?",
    ),
    ParameterFile(
        "stages/human_study/params.yaml",
        HumanStudy,
        Path("stages/human_study/params.yaml"),
        "The [human study](../how-to/human-study.md): what is wrong with generated images?",
    ),
    ParameterFile(
        "stages/pretrain/params.yaml",
        Pretraining,
        Path("stages/pretrain/params.yaml"),
        "How the demo's base models were made. They are part of the repository, so that nobody "
        "needs to run this.",
    ),
)


def page() -> str:
    """The whole page, as Markdown."""
    return BEGINNING + "".join(f"\n{part}" for file in FILES for part in _file(file))


def _file(file: ParameterFile) -> Iterator[str]:
    yield f"## {file.title}\n\n{file.introduction}\n"
    schema = file.model.model_json_schema()
    values = yaml.safe_load((REPOSITORY / file.values).read_text(encoding="utf-8"))
    plain: list[Row] = []
    for key, field in schema["properties"].items():
        value = [values[key]] if key in values else []
        if _kinds(field, schema):
            named = key
            if "additionalProperties" in field:
                named, value = f"{key}.NAME", list(values[key].values())
            yield f"### {named}\n\n{_meaning(key, field, schema)}\n"
            yield from _tables(named, field, schema, value)
        else:
            plain.append(_row(key, field, schema, value))
    if plain:
        yield "### Keys outside of sections\n"
        yield _table(plain)


def _tables(
    key: str, field: dict[str, Any], schema: dict[str, Any], values: list[Any]
) -> Iterator[str]:
    """A table for each kind of section that a field may hold, then those of kinds inside it.

    Args:
        key: dotted, of the field.
        field: its part of the JSON schema.
        schema: of the whole file, for its definitions.
        values: what the demo has there; empty where it has nothing.
    """
    kinds = _kinds(field, schema)
    for kind in kinds:
        source = kind["properties"].get("source", {}).get("const")
        rows: list[Row] = []
        later: list[tuple[str, dict[str, Any], list[Any]]] = []
        chosen = [value for value in values if source is None or value["source"] == source]
        _collect(key, kind, schema, chosen, rows, later)
        if len(kinds) > 1:
            used = ", as in the demo" if chosen else ""
            kept = (
                f"`source: {source}`"
                if source
                else " and ".join(f"`{name}`" for name in kind["properties"])
            )
            yield f"`{key}` with {kept}{used}:\n"
        yield _table(rows)
        for inner in later:
            yield from _tables(inner[0], inner[1], schema, inner[2])


def _collect(
    key: str,
    section: dict[str, Any],
    schema: dict[str, Any],
    values: list[Any],
    rows: list[Row],
    later: list[tuple[str, dict[str, Any], list[Any]]],
) -> None:
    """Add a row for each field of a section; what comes in several kinds gets tables of its own."""
    for name, field in section["properties"].items():
        inner_key = f"{key}.{name}"
        inner = [value[name] for value in values if value is not None and name in value]
        kinds = _kinds(field, schema)
        rows.append(_row(inner_key, field, schema, [] if kinds and inner != [None] else inner))
        if "additionalProperties" in field:
            inner_key, inner = (
                f"{inner_key}.CODE",
                [value for part in inner for value in part.values()],
            )
        if len(kinds) > 1:
            later.append((inner_key, field, inner))
        elif kinds:
            _collect(inner_key, kinds[0], schema, inner, rows, later)


def _table(rows: list[Row]) -> str:
    head = ["| key | type | meaning | demo |", "|---|---|---|---|"]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def _row(key: str, field: dict[str, Any], schema: dict[str, Any], values: list[Any]) -> Row:
    shown = ", ".join(f"`{_as_yaml(value)}`" for value in values)
    return f"`{key}`", _type(field, schema), _meaning(key, field, schema), shown


def _kinds(field: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The sections that a field may hold; none for a plain value."""
    if "$ref" in field:
        return [schema["$defs"][field["$ref"].rpartition("/")[2]]]
    inner = field.get("oneOf") or field.get("anyOf") or []
    if isinstance(field.get("additionalProperties"), dict):
        inner = [field["additionalProperties"]]
    return [kind for part in inner for kind in _kinds(part, schema)]


def _meaning(key: str, field: dict[str, Any], schema: dict[str, Any]) -> str:
    # Pydantic leaves out what equals the docstring of the section itself.
    for described in (field, *_kinds(field, schema)):
        if "description" in described:
            text = described["description"].replace("``", "`").replace("|", "\\|")
            return " ".join(text.split())
    raise InputError(f"{key}: there is no docstring under this field to take its meaning from")


def _type(field: dict[str, Any], schema: dict[str, Any]) -> str:
    """Type and allowed values, in words."""
    kinds = field.get("oneOf") or field.get("anyOf")
    if kinds:
        return " or ".join(dict.fromkeys(_type(kind, schema) for kind in kinds))
    if "const" in field or "enum" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum") or [field["const"]])
    if field.get("additionalProperties"):
        return "sections" + (", at least one" if field.get("minProperties") else "")
    if field.get("type") in ("integer", "number"):
        return _number(field)
    if field.get("type") == "array":
        return f"list of at least {field['minItems']}: {_type(field['items'], schema)}"
    limited = bool(field.get("minLength") or "pattern" in field)
    words = {
        None: "section",
        "boolean": "`true`, `false`",
        "null": "`null`",
        "string": "text, not empty" if limited else "text",
    }
    return words[field.get("type")]


def _number(field: dict[str, Any]) -> str:
    what = "whole number" if field["type"] == "integer" else "number"
    low, above = field.get("minimum"), field.get("exclusiveMinimum")
    high, below = field.get("maximum"), field.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f"{what}, {low:g} to {high:g}"
    ranges = [
        f"{words} {bound:g}"
        for words, bound in (
            ("at least", low), ("above", above), ("at most", high), ("below", below)
        )
        if bound is not None
    ]  # fmt: skip
    return ", ".join([what, *ranges])


def _as_yaml(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=1000)
    return text.removesuffix("\n").removesuffix("\n...")


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

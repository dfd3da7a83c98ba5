"""All experiments at a glance: what differs between them, their scores, and what became of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any

from pydantic import ValidationError

from caption_curation.curation.settings import Curation
from caption_curation.evaluation.arithmetic import RunClasses, describe_runs
from caption_curation.experiments.arithmetic import classes_of
from caption_curation.experiments.finished import Repository, Unusable
from caption_curation.experiments.variants import variant_of

GAP = "  "
MISSING = "-"


@dataclass(frozen=True)
class Row:
    """An experiment.

    Attributes:
        name: of it; ``HEAD`` is the current commit's own run, ``workspace`` that of the workspace.
        state: ``finished``, ``unfinished``, ``queued``, ``running``, ``failed``, or ``not here``.
        values: its parameters by dotted name, with ``curation`` in words; empty if unreadable.
        scores: of the test split, on the scale of the formulas.
        note: why there are no scores, and what would help; empty where there are.
        classes: the numerical classes in which its results were computed, by kind; empty where
            there are none.
    """

    name: str
    state: str
    values: Mapping[str, Any]
    scores: Mapping[str, float | None]
    note: str = ""
    classes: RunClasses = field(default_factory=dict)


def overview(repository: Repository, *, all_commits: bool) -> list[Row]:
    """A row for every experiment of the current commit; and of the others, if they are asked for.

    Those of others have finished, and the newest come first.
    """
    rows = []
    for listed in repository.listed + repository.of_other_commits * all_commits:
        values: Mapping[str, Any] = {}
        scores: Mapping[str, float | None] = {}
        classes: RunClasses = {}
        state, note = "finished" if listed.state == "success" else listed.state, ""
        try:
            values = _values(repository.parameters(listed))
            experiment = repository.read(listed)
            metrics = experiment.path("reports/evaluation", "metrics.json")
            scores = json.loads(metrics.read_text(encoding="utf-8"))["test"] or {}
            classes = classes_of(experiment)
        except Unusable as reason:
            note = str(reason)
            if state == "finished":
                state = "unfinished" if note.startswith(("unfinished", "has no")) else "not here"
        rows.append(Row(listed.name, state, values, scores, note, classes))
    return rows


def overview_arithmetic(rows: Sequence[Row], width: int) -> list[str]:
    """Lines that say which rows were computed in other arithmetic; none where all agree.

    Args:
        rows: of the table.
        width: of the terminal.
    """
    told = describe_runs({row.name: row.classes for row in rows})
    if not told:
        return []
    lines = wrap("In different arithmetic (numerical classes), so not to be paired by seed:", width)
    for line in told:
        lines += wrap(line, width, initial_indent="  ", subsequent_indent="    ")
    return [*lines, ""]


def overview_table(rows: Sequence[Row], scores: Mapping[str, str], width: int) -> list[str]:
    """Lines of at most ``width`` characters: a header, and a line or two a row.

    What differs goes into columns of its own if they all fit; otherwise it follows in a second
    line. Scores that do not fit are left out from the last on.

    Args:
        rows: at least one.
        scores: the labels of those to show, by name; they are shown times 100.
        width: of the terminal.
    """
    differing = _differing(rows)
    measured = [name for name in scores if any(row.scores.get(name) is not None for row in rows)]
    while True:
        columns = _columns(rows, {name: scores[name] for name in measured})
        if _width(columns) <= width or not measured:
            break
        measured.pop()
    differences = [_column(key, [_shown(row, key) for row in rows]) for key in differing]
    in_line = [columns[0], *differences, *columns[1:]]
    if _width(in_line) <= width:
        return _lines(in_line)
    header, *lines = _lines(columns)
    table = [_cut(header, width)]
    for row, line in zip(rows, lines, strict=True):
        words = [
            str(row.values[key]) if key == "curation" else f"{key}={row.values[key]}"
            for key in differing
            if row.values.get(key) is not None
        ]
        table.append(_cut(line, width))
        table += wrap(", ".join(words), width, initial_indent="    ", subsequent_indent="    ")
    return table


def _values(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Flat parameters; those of curation as one, without what has no effect."""
    values: dict[str, Any] = {}
    for key, value in parameters.items():
        if isinstance(value, Mapping):
            values |= {f"{key}.{name}": part for name, part in value.items()}
        else:
            values[key] = value
    try:
        label = variant_of(Curation.model_validate(parameters.get("curation"))).label
    except ValidationError:
        label = "not valid (or of another version)"
    others = {key: value for key, value in values.items() if not key.startswith("curation.")}
    return {"curation": label, **others}


def _differing(rows: Sequence[Row]) -> list[str]:
    """The parameters that are not the same everywhere; the seed has a column of its own."""
    keys = dict.fromkeys(key for row in rows for key in row.values if key != "seed")
    return [key for key in keys if len({_shown(row, key) for row in rows if row.values}) > 1]


def _shown(row: Row, key: str) -> str:
    return str(row.values.get(key, MISSING))


def _columns(rows: Sequence[Row], scores: Mapping[str, str]) -> list[list[str]]:
    """Name, seed, scores and state: each a header and a cell a row, all equally wide."""
    columns = [_column("experiment", [row.name for row in rows])]
    columns.append(_column("seed", [_shown(row, "seed") for row in rows], number=True))
    for name, label in scores.items():
        cells = [
            MISSING if (score := row.scores.get(name)) is None else f"{100 * score:.1f}"
            for row in rows
        ]
        columns.append(_column(label, cells, number=True))
    return [*columns, _column("state", [row.state for row in rows])]


def _column(header: str, cells: Sequence[str], *, number: bool = False) -> list[str]:
    width = max(map(len, [header, *cells]))
    return [f"{cell:{'>' if number else '<'}{width}}" for cell in [header, *cells]]


def _width(columns: Sequence[Sequence[str]]) -> int:
    return sum(len(column[0]) for column in columns) + len(GAP) * (len(columns) - 1)


def _lines(columns: Sequence[Sequence[str]]) -> list[str]:
    return [GAP.join(cells).rstrip() for cells in zip(*columns, strict=True)]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"

"""The documentation's table of results."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.results import Record, Row
from caption_curation.support.errors import InputError

BEGIN = "<!-- benchmarks: begin (written by `python -m benchmarks table`) -->"
END = "<!-- benchmarks: end -->"
HEAD = [
    "| | measured | | compared with | | times better |",
    "|---|---|---|---|---|---|",
]
BUSY = 0.3  # cores; what an idle machine stays below


def table(results: Mapping[str, Record]) -> str:
    """All results as Markdown: a table, what is to be said to it, and where it was measured.

    Args:
        results: by benchmark, in the order to show.
    """
    lines = list(HEAD)
    notes: list[str] = []
    places: dict[str, list[str]] = {}
    for name, record in results.items():
        outcome = record.outcome
        lines += [_line(name, row) for row in outcome.rows]
        if outcome.not_measured:
            lines.append(f"| {name} | not measured: {outcome.not_measured} | | | | |")
        notes += [f"- {name}: {note}" for note in outcome.notes]
        places.setdefault(_place(record), []).append(name)
    where = [f"- {', '.join(names)}: {place}" for place, names in places.items()]
    return "\n".join([*lines, "", *notes, *where])


def insert_table(page: Path, text: str, markers: tuple[str, str] = (BEGIN, END)) -> None:
    """Put a table between two markers of a Markdown file.

    Raises:
        InputError: the markers are not there, each once and in order.
    """
    first, last = markers
    content = page.read_text(encoding="utf-8")
    before, begin, rest = content.partition(first)
    _, end, after = rest.partition(last)
    if not (begin and end) or content.count(first) + content.count(last) != 2:
        raise InputError(f"{page}: the table goes between two lines, {first} and {last}")
    partial = page.with_name(f"{page.name}.partial")
    partial.write_text(f"{before}{first}\n\n{text}\n\n{last}{after}", encoding="utf-8")
    partial.replace(page)


def _line(name: str, row: Row) -> str:
    better = f"**{_spread(row.ratios)}**" if row.baseline else ""
    baseline = f"{_spread(row.baseline)} {row.unit}".strip() if row.baseline else ""
    value = f"{_spread(row.values)} {row.unit}".strip()
    return f"| {name} | {row.what} | {value} | {row.against} | {baseline} | {better} |"


def _place(record: Record) -> str:
    versions = ", ".join(f"{library} {version}" for library, version in record.versions.items())
    busy = f", {record.busy_cores} cores busy with other work" if record.busy_cores > BUSY else ""
    return f"{record.machine}{busy}; {record.date}; {versions}"


def _spread(values: Sequence[float]) -> str:
    """The median, and the lowest and highest value where they differ."""
    low, middle, high = (_number(value) for value in (min(values), median(values), max(values)))
    return middle if low == high else f"{middle} ({low}–{high})"


def _number(value: float) -> str:
    """Three significant digits, but all digits of large numbers."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

"""What a benchmark found, on which machine, and the file that keeps it."""

import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import psutil

from caption_curation.support.arithmetic import processor_name
from caption_curation.support.errors import InputError

RESULTS = Path(__file__).resolve().parent / "results.json"
LIBRARIES = ("torch", "transformers", "diffusers", "dvc")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    ``values`` has one number a repetition, in ``unit``. ``baseline`` has those of ``against``,
    what the row is compared with, measured in the same repetitions; both are empty if there is
    nothing to compare with. ``of`` says whose speed it is, for `caption-curation plan`:
    ``work``, as that calls it, ``models``, as profiles call them, and the settings that it depends
    on.
    """

    what: str
    unit: str
    values: list[float]
    against: str = ""
    baseline: list[float] = field(default_factory=list)
    better: Literal["lower", "higher"] = "lower"
    of: dict[str, Any] = field(default_factory=dict)

    @property
    def ratios(self) -> list[float]:
        """How many times better than the baseline, for each repetition."""
        pairs = zip(self.values, self.baseline, strict=bool(self.baseline))
        if self.better == "lower":
            return [baseline / value for value, baseline in pairs]
        return [value / baseline for value, baseline in pairs]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a benchmark measured, or why it could not; ``notes`` are sentences for the reader."""

    rows: list[Row]
    notes: list[str] = field(default_factory=list)
    not_measured: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """An outcome with where and when it came about.

    ``busy_cores`` is the number of cores that other processes used just before it began.
    """

    outcome: Outcome
    machine: str
    date: str
    versions: dict[str, str]
    busy_cores: float


def alternating(
    ways: Mapping[str, Callable[[], object]], repetitions: int
) -> dict[str, list[float]]:
    """Seconds that each way of doing something takes, one number a repetition.

    All ways run in every repetition, in every other one in reverse order, so that what else the
    machine does falls on all of them alike.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for repetition in range(repetitions):
        for name in list(ways)[:: 1 if repetition % 2 == 0 else -1]:
            seconds[name].append(timed(ways[name]))
    return seconds


def timed(step: Callable[[], object]) -> float:
    """Seconds that a step takes."""
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def record(measure: Callable[[], Outcome]) -> Record:
    """Run a benchmark and note where and when."""
    busy_cores = busy()
    return Record(
        outcome=measure(),
        machine=machine(),
        date=datetime.now(UTC).date().isoformat(),
        versions={
            "Python": platform.python_version(),
            **{library: version(library) for library in LIBRARIES},
        },
        busy_cores=busy_cores,
    )


def busy() -> float:
    """The number of cores that processes use now."""
    share: float = psutil.cpu_percent(interval=1) / 100
    return round(share * (os.cpu_count() or 1), 1)


def machine() -> str:
    """Processor, cores, memory and, where there is one, GPU of this machine."""
    import torch

    memory = psutil.virtual_memory().total / 2**30
    words = f"{os.cpu_count()} cores of {processor_name()}, {memory:.0f} GiB"
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ", no GPU"
    return words + gpu


def read_results(path: Path) -> dict[str, Record]:
    """Benchmark → its latest record; empty where there is no file.

    Raises:
        InputError: the file is not one that :func:`write_results` wrote.
    """
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: _parse(record) for name, record in content.items()}
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: not a file of benchmark results ({error})") from error


def write_results(path: Path, results: Mapping[str, Record]) -> None:
    """Write all records."""
    content = {name: asdict(record) for name, record in sorted(results.items())}
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    partial.replace(path)


def _parse(record: dict[str, Any]) -> Record:
    outcome = record["outcome"]
    rows = [Row(**row) for row in outcome["rows"]]
    return Record(**{**record, "outcome": Outcome(**{**outcome, "rows": rows})})

"""Where the time of a run of the pipeline goes that is not work: DVC, imports, starting Java."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.results import Outcome, Row, alternating
from tests.pipeline.clone import REPOSITORY, Clone

RECORDER = Path(__file__).resolve().parent / "recorder"

Interval = tuple[float, float]  # seconds of the monotonic clock: begin, end

DVC = "DVC itself: its start, hashing, locks, YAML, linking"
BEGIN = "starting the stages' Python"
END = "ending the stages' Python, which takes all that was imported apart"
IMPORTS = "the stages' imports"
CACHE = "stages that ask DVC where its cache is"
JAVA = "waiting for Java, the metrics' tokenizer and METEOR"
WORK = "work"

# What a stage that uses the captioner does before and after its work, ...
STAGE = """
from pathlib import Path
from caption_curation.captioner.model.captioner import load_captioner
from caption_curation.compute.devices import prepare_device
load_captioner(Path("data/demo_models/captioner"), 32, prepare_device())
"""
# ... as the stages do it, and as it would be without what they do against it.
HASTENED = "import stages"
PLAIN = """
import atexit, gc, stages
gc.set_threshold(700, 10, 10)
atexit.unregister(gc.freeze)
import torch
torch.use_deterministic_algorithms(True)
"""
REPETITIONS = 5


@dataclass(frozen=True)
class Child:
    """A process that another one started and waited for."""

    words: list[str]
    begin: float
    end: float


@dataclass(frozen=True)
class Process:
    """What the recorder wrote of a Python process, in seconds of the monotonic clock.

    ``ready``: before its first module is run; ``ended``: all of it but the interpreter's end.
    ``imports``: the intervals of its imports, without overlap; ``packages``: seconds in the
    modules of each package, without what these import.
    """

    words: list[str]
    ready: float
    ended: float
    imports: list[Interval]
    packages: dict[str, float]
    children: list[Child]


def read_log(path: Path) -> list[Process]:
    """The processes of a run, in the order in which they ended."""
    processes = []
    for line in path.read_text(encoding="utf-8").splitlines():
        fields: dict[str, Any] = json.loads(line)
        fields["imports"] = [(begin, end) for begin, end in fields["imports"]]
        fields["children"] = [Child(*child) for child in fields["children"]]
        processes.append(Process(**fields))
    return processes


def breakdown(run: Interval, processes: Sequence[Process]) -> dict[str, float]:
    """Seconds of each part of a run; together they are all of it.

    Args:
        run: when ``dvc repro`` began and ended, as its caller saw it.
        processes: of that run: DVC's, which ended last, the stages', one after the other, and
            what these started.
    """
    stages = stage_processes(processes)
    within = sum(child.end - child.begin for _, child in stages)
    parts = {
        DVC: run[1] - run[0] - within,
        BEGIN: 0.0,
        END: 0.0,
        IMPORTS: 0.0,
        CACHE: 0.0,
        JAVA: 0.0,
    }
    for process, child in stages:
        parts[BEGIN] += process.ready - child.begin
        parts[END] += child.end - process.ended
        parts[IMPORTS] += _length(process.imports)
        asking = [(child.begin, child.end) for child in process.children if "dvc" in child.words]
        parts[CACHE] += _length(asking)
        java = [(child.begin, child.end) for child in process.children if _is_java(child)]
        parts[JAVA] += _length([*java, *process.imports, *asking]) - _length(
            [*process.imports, *asking]
        )
    parts[WORK] = run[1] - run[0] - sum(parts.values())
    return parts


def stage_processes(processes: Sequence[Process]) -> list[tuple[Process, Child]]:
    """Each stage's process, as it saw itself and as DVC saw it."""
    dvc = processes[-1]
    found = []
    for child in dvc.children:
        if any("stages." in word for word in child.words):
            (process,) = (
                other
                for other in processes
                if child.begin < other.ready < child.end and "stages." in " ".join(other.words)
            )
            found.append((process, child))
    return found


def largest_packages(processes: Iterable[Process], number: int) -> list[tuple[str, float]]:
    """The packages whose modules take the longest to import, with their seconds."""
    total: dict[str, float] = defaultdict(float)
    for process in processes:
        for package, spent in process.packages.items():
            total[package] += spent
    return sorted(total.items(), key=lambda item: -item[1])[:number]


def _is_java(child: Child) -> bool:
    return Path(child.words[0]).name == "java"


def _length(intervals: Iterable[Interval]) -> float:
    """Seconds that at least one of the intervals covers."""
    covered, until = 0.0, float("-inf")
    for begin, end in sorted(intervals):
        covered += max(0.0, end - max(begin, until))
        until = max(until, end)
    return covered


def recorded(clone: Clone, *words: str) -> tuple[Interval, list[Process]]:
    """Run a DVC command in a clone: when it began and ended, and the processes of it."""
    log = clone.folder.parent / "start_up.jsonl"
    others = clone.environment().get("PYTHONPATH")
    folders = [str(RECORDER), *([others] if others else [])]
    begin = time.monotonic()
    clone.dvc(
        *words,
        environment={"PYTHONPATH": os.pathsep.join(folders), "START_UP_LOG": str(log)},
    )
    return (begin, time.monotonic()), read_log(log)


def outcome(run: Interval, processes: Sequence[Process]) -> Outcome:
    """The table's rows: the seconds of each part."""
    parts = breakdown(run, processes)
    total = run[1] - run[0]
    rest = {name: seconds for name, seconds in parts.items() if name != WORK}
    largest = max(rest, key=lambda name: rest[name])
    stages = [process for process, _ in stage_processes(processes)]
    packages = ", ".join(f"{name} {spent:.1f} s" for name, spent in largest_packages(stages, 5))
    return Outcome(
        rows=[
            Row(f"`dvc repro` of the demo, {len(stages)} stages", "s", [total]),
            *(Row(f"… of which {name}", "s", [seconds]) for name, seconds in rest.items()),
        ],
        notes=[
            f"{sum(rest.values()) / total:.0%} of the run are not work; the biggest part "
            f"({rest[largest] / total:.0%}) is {largest}",
            f"what the stages import longest: {packages}",
        ],
    )


def start_of_a_stage(repetitions: int) -> Row:
    """Seconds of a process that loads the demo's captioner and ends, with and without haste."""
    ways = {
        name: partial(_run_python, f"{first}\n{STAGE}")
        for name, first in (("hastened", HASTENED), ("plain", PLAIN))
    }
    seconds = alternating(ways, repetitions)
    return Row(
        "a stage that loads the captioner and ends",
        "s",
        seconds["hastened"],
        "Python's usual search for garbage; determinism by the call that imports torch's compiler",
        seconds["plain"],
    )


def _run_python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True)


def measure() -> Outcome:
    """One run of the demo in a new clone, and the start of a single stage."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Clone(Path(folder) / "clone")
        shutil.copy(REPOSITORY / "params.yaml", clone.folder)  # instead of the tests' own
        found = outcome(*recorded(clone, "repro"))
    return replace(found, rows=[*found.rows, start_of_a_stage(REPETITIONS)])

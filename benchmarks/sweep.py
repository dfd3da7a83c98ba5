"""A sweep whose experiments share models and images, against the same experiments done alone."""

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from queue import SimpleQueue

from tqdm import tqdm

from benchmarks.results import Outcome, Row
from tests.pipeline.clone import REPOSITORY, Clone

METHODS = ("remove", "replace_caption", "replace_image")
RATIOS = (0.2, 0.4, 0.6, 0.8)
JOBS = 2  # at a time
# Two of the demo's epochs and what they need: the benchmark should end within half an hour.
TARGET = "stages/epochs/dvc.yaml:history@2"

Setting = tuple[str, ...]  # as `dvc exp run --set-param` takes it


@dataclass(frozen=True)
class Ran:
    """What an experiment had to do: stages to run, images to generate."""

    stages: int
    images: int


Experiment = Callable[[Setting], Ran]


@dataclass
class Totals:
    """What the experiments of one side cost together."""

    seconds: float = 0
    stages: int = 0
    images: int = 0


@dataclass
class Comparison:
    """Both sides of the comparison."""

    shared: Totals = field(default_factory=Totals)
    alone: Totals = field(default_factory=Totals)


def settings() -> list[Setting]:
    """Every method with every ratio."""
    return [
        (f"curation.method={method}", f"curation.ratio={ratio}")
        for method, ratio in product(METHODS, RATIOS)
    ]


def compare(
    wanted: Sequence[Setting],
    *,
    prepare: Callable[[], Ran],
    shared: Experiment,
    alone: Experiment,
    jobs: int,
) -> Comparison:
    """Run every setting on both sides, side by side.

    As many settings as there are jobs run on one side, then the same on the other; which side is
    first alternates.

    Args:
        wanted: what to run.
        prepare: what the shared side runs once before.
        shared: runs a setting with what the other experiments of this side left.
        alone: runs a setting with nothing.
        jobs: experiments at a time, on either side.
    """
    comparison = Comparison()
    _add(comparison.shared, lambda: [prepare()])
    sides = [(comparison.shared, shared), (comparison.alone, alone)]
    groups = [wanted[start : start + jobs] for start in range(0, len(wanted), jobs)]
    with ThreadPoolExecutor(jobs) as workers:
        for group in tqdm(groups, "sweep", disable=None):
            for totals, experiment in sides:
                _add(totals, partial(_run_all, workers, experiment, group))
            sides.reverse()
    return comparison


def _run_all(workers: Executor, experiment: Experiment, group: Sequence[Setting]) -> list[Ran]:
    return list(workers.map(experiment, group))


def _add(totals: Totals, run: Callable[[], Sequence[Ran]]) -> None:
    began = time.perf_counter()
    ran = run()
    totals.seconds += time.perf_counter() - began
    totals.stages += sum(experiment.stages for experiment in ran)
    totals.images += sum(experiment.images for experiment in ran)


def measure() -> Outcome:
    """Twelve experiments of the demo, in temporary clones of this repository."""
    wanted = settings()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Made before the clock runs. Two experiments cannot use one working copy at a time.
        together = [
            demo_clone(folder / f"job {job}", cache=folder / "cache") for job in range(JOBS)
        ]
        clones = {setting: demo_clone(folder / str(place)) for place, setting in enumerate(wanted)}
        free: SimpleQueue[Clone] = SimpleQueue()
        for clone in together:
            free.put(clone)

        def shared(setting: Setting) -> Ran:
            clone = free.get()
            try:
                clone.reset()
                return _run(clone, "exp", "run", *_words(setting))
            finally:
                free.put(clone)

        found = compare(
            wanted,
            prepare=lambda: _run(together[0], "repro", TARGET),
            shared=shared,
            alone=lambda setting: _run(clones[setting], "exp", "run", *_words(setting)),
            jobs=JOBS,
        )
    return outcome(found, len(wanted))


def demo_clone(folder: Path, cache: Path | None = None) -> Clone:
    """A clone with the demo's parameters; others may share its DVC cache and image store."""
    clone = Clone(folder)
    shutil.copyfile(REPOSITORY / "params.yaml", folder / "params.yaml")
    clone.commit("demo")
    if cache:
        settings = f"[cache]\n    dir = {cache}\n"
        (folder / ".dvc" / "config.local").write_text(settings, encoding="utf-8")
    return clone


def outcome(found: Comparison, number: int) -> Outcome:
    """The table's rows."""
    shared, alone = found.shared, found.alone
    against = f"the same {number}, each alone"
    what = f"{number} experiments that share what is cached"
    time_taken = f"{what}: time, {JOBS} at a time"
    return Outcome(
        [
            Row(f"{what}: images generated", "", [shared.images], against, [alone.images]),
            Row(f"{what}: stages that ran", "", [shared.stages], against, [alone.stages]),
            Row(time_taken, "s", [shared.seconds], against, [alone.seconds]),
        ],
        [
            f"{', '.join(METHODS)} with ratios {', '.join(map(str, RATIOS))}, on the demo, each "
            "with its models and up to the second epoch. Only replace_image generates, and higher "
            "ratios include most of what lower ones chose: (0.2 + 0.4 + 0.6 + 0.8) / 0.8 = 2.5 "
            "times fewer images is the most that there is"
        ],
    )


def _words(setting: Setting) -> list[str]:
    return [*(word for value in setting for word in ("--set-param", value)), TARGET]


def _run(clone: Clone, *words: str) -> Ran:
    run = clone.dvc(*words)
    return Ran(stages=len(run.stages), images=run.generated)

"""A sweep whose experiments share models and images, against the same experiments done alone."""

import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from tqdm import tqdm

from benchmarks.results import Outcome, Row
from tests.pipeline.clone import Clone

METHODS = ("remove", "replace_caption", "replace_image")
RATIOS = (0.2, 0.4, 0.6, 0.8)
JOBS = 2  # at a time

Setting = tuple[str, ...]  # as `dvc exp run --set-param` takes it
Experiment = Callable[[Setting], int]  # runs a setting; the number of images that it generated


@dataclass
class Totals:
    """What the experiments of one side cost together."""

    seconds: float = 0
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
    prepare: Callable[[], int],
    shared: Experiment,
    alone: Experiment,
    jobs: int,
) -> Comparison:
    """Run every setting on both sides, side by side.

    As many settings as there are jobs run on one side, then the same on the other; which side is
    first alternates.

    Args:
        wanted: what to run.
        prepare: what the shared side runs once before; the number of images that it generated.
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
                _add(totals, lambda run=experiment, group=group: list(workers.map(run, group)))
            sides.reverse()
    return comparison


def _add(totals: Totals, run: Callable[[], Sequence[int]]) -> None:
    began = time.perf_counter()
    totals.images += sum(run())
    totals.seconds += time.perf_counter() - began


def measure() -> Outcome:
    """Twelve experiments of a small profile, in temporary clones of this repository."""
    wanted = settings()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        together = Clone(folder / "together")

        def shared(setting: Setting) -> int:
            return _experiment(together, "--temp", setting)

        def alone(setting: Setting) -> int:
            with tempfile.TemporaryDirectory(dir=folder) as own:
                return _experiment(Clone(Path(own) / "clone"), "", setting)

        found = compare(
            wanted,
            prepare=lambda: together.dvc("repro").generated,
            shared=shared,
            alone=alone,
            jobs=JOBS,
        )
    return outcome(found, len(wanted))


def outcome(found: Comparison, number: int) -> Outcome:
    """The table's rows."""
    what = f"{number} experiments of a small profile, sharing what is cached"
    against = f"the same {number}, each alone"
    shared, alone = found.shared, found.alone
    return Outcome(
        [
            Row(f"{what}: images generated", "", [shared.images], against, [alone.images]),
            Row(f"{what}: time, {JOBS} at a time", "s", [shared.seconds], against, [alone.seconds]),
        ]
    )


def _experiment(clone: Clone, mode: str, setting: Setting) -> int:
    words = [word for one in setting for word in ("--set-param", one)]
    return clone.dvc("exp", "run", *filter(None, [mode]), *words).generated

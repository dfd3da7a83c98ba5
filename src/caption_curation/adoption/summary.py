"""An adoption in words, before and after it is done."""

from collections import Counter
from collections.abc import Iterator, Sequence

from caption_curation.adoption.apply import Undone
from caption_curation.adoption.experiments import LeftExperiment
from caption_curation.adoption.plan import Plan
from caption_curation.adoption.rekey import Refused

SHOWN = 5  # names of experiments in a line


def describe_plan(plan: Plan, title: str) -> Iterator[str]:
    """Lines for what is adopted, and what is not.

    Args:
        plan: the adoption.
        title: of the commit that is adopted from.
    """
    yield f"from {plan.since[:7]} ({title}) to {plan.head[:7]}:"
    stages = [run.stage for run in plan.runs]
    yield f"{_count(len(stages), 'result')} to adopt{_in_groups(stages)}"
    filled = dict.fromkeys(name for run in plan.runs for name in run.filled)
    if filled:
        yield f"  some with the neutral values of {', '.join(filled)}"
    for file, of_file in plan.locks.items():
        yield f"{_count(len(of_file), 'stage')} of {file} to adopt{_in_groups(list(of_file))}"
    for experiment in plan.experiments:
        yield f"experiment {experiment.name} to record for this commit"
    yield from _not_adopted(plan.refused)
    yield from _left(plan.left)
    if plan.current:
        yield f"{_count(plan.current, 'result')} known to this version already"
    if plan.foreign:
        yield f"{_count(plan.foreign, 'result')} of other versions than {plan.since[:7]}"


def describe_undone(undone: Undone) -> Iterator[str]:
    """Lines for what was taken back."""
    when = undone.adoption.when
    yield (
        f"taken back: {_count(undone.runs, 'result')}, {_count(undone.stages, 'stage')} of "
        f"dvc.lock files, {_count(undone.experiments, 'experiment')} of the adoption of {when}"
    )
    for entry in undone.kept:
        yield f"left as it is: {entry}"


def _not_adopted(refused: Sequence[Refused]) -> Iterator[str]:
    if not refused:
        return
    yield f"{_count(len(refused), 'result')} not adopted:"
    stages: dict[str, list[str]] = {}
    for entry in refused:
        stages.setdefault("; ".join(entry.reasons), []).append(entry.stage)
    for reason, names in stages.items():
        yield f"  {', '.join(_few(names))}: {reason}"


def _left(left: Sequence[LeftExperiment]) -> Iterator[str]:
    if not left:
        return
    yield f"{_count(len(left), 'experiment')} not recorded, as stages of them are not adopted:"
    names: dict[tuple[str, ...], list[str]] = {}
    for entry in left:
        names.setdefault(tuple(_few(entry.stages)), []).append(entry.name)
    for stages, experiments in names.items():
        more = f" and {len(experiments) - SHOWN} more" * (len(experiments) > SHOWN)
        yield f"  {', '.join(experiments[:SHOWN])}{more}: {', '.join(stages)}"


def _in_groups(stages: Sequence[str]) -> str:
    names = _few(stages)
    return f": {', '.join(names)}" if names else ""


def _few(stages: Sequence[str]) -> list[str]:
    """Names with how often they come, those of a table's stages as one."""
    counts = Counter(stage.partition("@")[0] for stage in stages)
    return [name if count == 1 else f"{name} ({count})" for name, count in counts.items()]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"

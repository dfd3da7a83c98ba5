"""The plan as text."""

import textwrap
from collections.abc import Mapping, Sequence

from caption_curation.experiments.planning.forecast import State
from caption_curation.experiments.planning.models import Model, unknown_speeds
from caption_curation.experiments.planning.plan import Plan
from caption_curation.experiments.planning.work import Space, Work, total_hours

WIDTH = 98
UNKNOWN = "not known"
MEANINGS = {
    State.UP_TO_DATE: "nothing to do",
    State.CACHED: "computed before, only checked out",
    State.ABSENT: "computed before, not in this cache: `dvc pull` brings it, or it runs",
    State.RUNS: "its inputs are known and new",
    State.FOLLOWS: "reads what runs first: then it runs too, or is found in the cache",
}


def plan_text(plan: Plan, free: float) -> str:
    """The whole plan.

    Args:
        plan: to show.
        free: bytes on this disk.
    """
    lines = [f"{plan.corpus.samples:,} training samples (from {plan.corpus.known_from})", ""]
    lines += [*stages_table(plan.states), ""]
    if not plan.work:
        return "\n".join([*lines, "Nothing to do: every result is there."])
    lines += [*plan.notes, *work_table(plan.work, plan.unit)]
    lines += [*unknown_table(plan.models, plan.work), "", *space_table(plan.space, free)]
    return "\n".join(lines)


def stages_table(states: Mapping[str, State]) -> list[str]:
    """The stages by state, epochs of one stage drawn together."""
    lines = []
    for state, meaning in MEANINGS.items():
        names = [name for name, of_stage in states.items() if of_stage is state]
        if names:
            number = "1 stage" if len(names) == 1 else f"{len(names)} stages"
            lines.append(f"{state} ({number}: {meaning})")
            lines += textwrap.wrap(
                ", ".join(_together(names)), WIDTH, initial_indent="  ", subsequent_indent="  "
            )
    return lines


def work_table(work: Sequence[Work], unit: str) -> list[str]:
    """Amounts, throughputs and hours, and their sum.

    Args:
        work: that is left to do.
        unit: whose hours, such as ``GPU-hours``.
    """
    lines = [f"{'work':24}{'amount':>34}{'per second':>14}{unit:>18}"]
    for item in work:
        amount = f"{item.amount} {item.unit}"
        speed = f"{item.per_second:.1f}" if item.per_second else "-"
        lines.append(f"{item.name:24}{amount:>34}{speed:>14}{_hours(item.hours):>18}")
    unknown = [item.name for item in work if item.hours is None]
    total = total_hours(work)
    # A sum of nothing but work that is done would read as "no time at all".
    known = bool(total[1]) or not unknown
    lines.append(f"{'in all':24}{'':34}{'':14}{_hours(total if known else None):>18}")
    if known and unknown:
        lines.append(f"The sum is without: {', '.join(unknown)} (speed not known).")
    return lines


def unknown_table(models: Sequence[Model], work: Sequence[Work]) -> list[str]:
    """What is not known of the models' speed, and what would tell."""
    lines = unknown_speeds(models, work)
    return [part for line in lines for part in textwrap.wrap(line, WIDTH, subsequent_indent="  ")]


def space_table(space: Sequence[Space], free: float) -> list[str]:
    """Disk space that the work takes, and what is free."""
    lines = [f"{'disk space':48}{'number':>24}{'GB':>18}"]
    for item in space:
        size = UNKNOWN if item.bytes is None else _range(*(part / 1e9 for part in item.bytes))
        lines.append(f"{item.name:48}{item.number!s:>24}{size:>18}")
    lines.append(f"{'free here':48}{'':24}{free / 1e9:>18,.1f}")
    return lines


def _together(names: Sequence[str]) -> list[str]:
    """``train@1, train@2`` as ``train@1,2``; in alphabetical order."""
    epochs: dict[str, list[int]] = {}
    for name in sorted(names):
        stage, _, epoch = name.partition("@")
        epochs.setdefault(stage, []).extend([int(epoch)] if epoch else [])
    return [
        f"{stage}@{','.join(map(str, sorted(numbers)))}" if numbers else stage
        for stage, numbers in epochs.items()
    ]


def _hours(hours: tuple[float, float] | None) -> str:
    return UNKNOWN if hours is None else _range(*hours)


def _range(least: float, most: float) -> str:
    if f"{least:,.1f}" == f"{most:,.1f}":
        return f"{most:,.1f}" if most == 0 or most >= 0.05 else "< 0.1"
    return f"{least:,.1f} to {most:,.1f}" if least >= 0.05 else f"at most {most:,.1f}"

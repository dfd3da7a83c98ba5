"""What a comparison says of experiments that were computed in different arithmetic."""

from collections.abc import Mapping, Sequence

from caption_curation.evaluation.arithmetic import (
    KINDS,
    agree,
    class_names,
    describe_runs,
    differing_kinds,
)
from caption_curation.experiments.runs import Run
from caption_curation.experiments.variants import Variant, ordered, random_control
from caption_curation.reports.comparison.tables import NONE


def arithmetic_lines(runs: Mapping[str, Sequence[Run]]) -> list[str]:
    """Which experiments differ in the arithmetic of which results; nothing where none do.

    Args:
        runs: those of every setting; across settings nothing is compared.
    """
    lines = []
    for setting, comparable in runs.items():
        begin = f"{setting}: " if len(runs) > 1 else ""
        told = describe_runs({run.name: run.classes for run in comparable})
        lines += [begin + line for line in told]
    return lines


def run_arithmetic(runs: Mapping[str, Sequence[Run]]) -> dict[str, str]:
    """The classes of each experiment in words, of the kinds in which those of its setting differ.

    Args:
        runs: those of every setting.

    Returns:
        By name; empty where nothing differs.
    """
    words = {}
    for comparable in runs.values():
        kinds = differing_kinds(run.classes for run in comparable)
        for run in comparable:
            words[run.name] = ", ".join(
                f"{KINDS[kind]} in {class_names(run.classes[kind])}"
                for kind in kinds
                if run.classes.get(kind)
            )
    return words


def unpaired_remarks(runs: Sequence[Run]) -> list[str]:
    """Which differences leave out which seeds, as both experiments are there in other arithmetic.

    Args:
        runs: of one setting.
    """
    remarks = []
    for variant in ordered(run.variant for run in runs):
        references = {NONE: "the experiment without curation"}
        if control := random_control(variant):
            references[control] = "the random control"
        for reference, words in references.items():
            seeds = _unpaired(runs, variant, reference)
            if seeds and reference != variant:
                remarks.append(
                    f"{variant.label}: {words} of seed {', '.join(map(str, seeds))} is of other "
                    "arithmetic: not in differences"
                )
    return remarks


def _unpaired(runs: Sequence[Run], variant: Variant, reference: Variant) -> list[int]:
    """The seeds of which both have a run, in different arithmetic."""
    references = [run for run in runs if run.variant == reference]
    return sorted(
        {
            run.seed
            for run in runs
            for other in references
            if run.variant == variant
            and run.seed == other.seed
            and not agree(run.classes, other.classes)
        }
    )

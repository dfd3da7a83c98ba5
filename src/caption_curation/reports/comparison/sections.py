"""The sections of a comparison: which runs answer which question."""

from collections.abc import Sequence
from dataclasses import dataclass

from caption_curation.curation.scores import is_random
from caption_curation.experiments.runs import Run
from caption_curation.experiments.variants import methods_at_common_setting, ratio_lines
from caption_curation.reports.comparison.tables import (
    NONE,
)


@dataclass(frozen=True)
class Section:
    """A part of the page: a question, and the runs that answer it.

    ``name`` is that of its files.
    """

    name: str
    title: str
    question: str
    runs: Sequence[Run]


def default_sections(runs: Sequence[Run]) -> list[Section]:
    """The sections of a page that is about no study: the paper's questions, as far as possible.

    Args:
        runs: all comparable ones.
    """
    variants = [run.variant for run in runs]
    methods = methods_at_common_setting(variants)
    sections = [
        Section(
            "methods",
            "Methods",
            "Which method helps, and is it the choice of samples that helps?",
            [run for run in runs if run.variant in methods],
        )
    ]
    lines = ratio_lines(variants)
    dynamic = {
        variant for line, of in lines.items() if line.schedule == "dynamic" for variant in of
    }
    if dynamic:
        sections.append(
            Section(
                "ratios",
                "How much to curate",
                "Which ratio is best?",
                [run for run in runs if run.variant in dynamic],
            )
        )
    if any(variant.schedule == "static" for variant in variants):
        static = {
            (variant.method, variant.amount) for variant in variants if variant.schedule == "static"
        }
        loss_chosen = {
            variant for variant in dynamic | set(methods) if not is_random(variant.score)
        }
        both = {
            variant
            for variant in variants
            if variant.schedule == "static"
            or ((variant.method, variant.amount) in static and variant in loss_chosen)
        }
        sections.append(
            Section(
                "schedules",
                "Static and dynamic",
                "Once before training, or after every epoch?",
                [run for run in runs if run.variant in both],
            )
        )
    shown = {run.name for section in sections for run in section.runs}
    if shown != {run.name for run in runs}:
        sections.append(Section("all", "All variants", "", runs))
    return sections


def with_reference(section: Section, runs: Sequence[Run]) -> Section:
    """The section with the runs without curation of its seeds, which differences are taken to."""
    names = {run.name for run in section.runs}
    seeds = {run.seed for run in section.runs}
    reference = [
        run for run in runs if run.variant == NONE and run.seed in seeds and run.name not in names
    ]
    return Section(section.name, section.title, section.question, [*section.runs, *reference])

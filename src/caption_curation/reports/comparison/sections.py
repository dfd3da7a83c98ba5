"""The sections of a comparison: which runs answer which question, setting by setting.

Runs of several settings (corpora, parts of a corpus) may stand on one page, but nothing is compared
across settings: a section is split into one for each.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from caption_curation.curation.scores import is_random
from caption_curation.experiments.runs import Run
from caption_curation.experiments.variants import amount_lines, methods_at_common_setting
from caption_curation.reports.comparison.tables import (
    NONE,
)

LONGEST_SLUG = 48  # characters of a setting in the name of a file


@dataclass(frozen=True)
class Section:
    """A part of the page: a question, and the runs that answer it.

    ``name`` is that of its files.
    """

    name: str
    title: str
    question: str
    runs: Sequence[Run]


def runs_by_setting(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """The runs of every setting, in the order in which settings come first."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.setting, []).append(run)
    return found


def setting_slugs(settings: Iterable[str]) -> dict[str, str]:
    """What the names of a setting's files end with; nothing where there is but one setting."""
    settings = list(settings)
    if len(settings) == 1:
        return {settings[0]: ""}
    slugs: dict[str, str] = {}
    for setting in settings:
        words = re.sub(r"[^a-z0-9.]+", "_", setting.lower()).strip("_.")[:LONGEST_SLUG]
        taken = f"-{words}" in slugs.values()
        slugs[setting] = f"-{words}-{len(slugs)}" if taken else f"-{words}"
    return slugs


def split(section: Section, slugs: Mapping[str, str]) -> list[Section]:
    """The section as one for each setting that it has runs of; the first has the question.

    Args:
        section: whose runs may be of several settings.
        slugs: of the page's settings, as :func:`setting_slugs` gives them.
    """
    if len(slugs) == 1:
        return [section]
    parts = [
        replace(
            section,
            name=section.name + slugs[setting],
            title=f"{section.title}: {setting}",
            runs=runs,
        )
        for setting, runs in runs_by_setting(section.runs).items()
    ]
    return [parts[0], *(replace(part, question="") for part in parts[1:])]


def default_sections(runs: Sequence[Run]) -> list[Section]:
    """The sections of a page that is about no study: the paper's questions, as far as possible.

    Args:
        runs: all that are shown, of any settings.
    """
    return [
        section
        for of_setting in runs_by_setting(runs).values()
        for section in _sections(of_setting)
    ]


def _sections(runs: Sequence[Run]) -> list[Section]:
    """Those of one setting."""
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
    lines = amount_lines(variants)
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
    """The section with the runs without curation of its seeds, which differences are taken to.

    Args:
        section: of one setting.
        runs: of that setting.
    """
    names = {run.name for run in section.runs}
    seeds = {run.seed for run in section.runs}
    reference = [
        run for run in runs if run.variant == NONE and run.seed in seeds and run.name not in names
    ]
    return replace(section, runs=[*section.runs, *reference])

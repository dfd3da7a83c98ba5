"""What a study costs: its unfinished experiments together, put into words."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from caption_curation.config.params import Params
from caption_curation.experiments.planning.benchmarked import benchmarked
from caption_curation.experiments.planning.corpus_size import CorpusSize, planned_corpus
from caption_curation.experiments.planning.forecast import open_forecast
from caption_curation.experiments.planning.model_bytes import (
    base_captioner_bytes,
    trained_of_base_bytes,
)
from caption_curation.experiments.planning.models import models_of
from caption_curation.experiments.planning.study_work import (
    Costed,
    amounts_of,
    space_of_study,
    work_of_study,
)
from caption_curation.experiments.planning.table import (
    WIDTH,
    space_table,
    unknown_table,
    work_table,
)
from caption_curation.experiments.planning.throughput import measure
from caption_curation.support.errors import InputError

SHARED = """\
What experiments share is counted once: a generator's fine-tuning, an image, the first epoch of a
seed. What DVC's cache has from runs that are not of the study is not known here, and is counted."""


@dataclass(frozen=True)
class Speeds:
    """What is known of speed and size.

    Attributes:
        per_second: amounts by the names of work.
        unit: whose hours these are, such as ``GPU-hours``.
        image_bytes: of a drawn image on disk.
        captioner_bytes: of a captioner's weights.
        network_bytes: of the generator's denoising network in fp32.
        notes: where speeds are from, and what could not be measured, a line each.
    """

    per_second: Mapping[str, float]
    unit: str = "GPU-hours"
    image_bytes: float | None = None
    captioner_bytes: float | None = None
    network_bytes: float | None = None
    notes: Sequence[str] = ()


def speeds_here(
    params: Params,
    experiments: Sequence[Params],
    per_second: Mapping[str, float],
    batches: int | None,
) -> Speeds:
    """What is known of a study's speed and sizes: given, measured here, or of published models.

    Args:
        params: of the workspace, where something can be measured.
        experiments: of the study, at least one.
        per_second: what somebody knows, which goes before what is measured.
        batches: how many of each kind of work are timed here; ``None``: none.

    Raises:
        InputError: the workspace is of another profile than the study, or lacks the corpus.
    """
    measured = None
    if batches:
        profiles = sorted({each.experiment.profile for each in experiments})
        if profiles != [params.experiment.profile]:
            raise InputError(
                f"--measure: the study is of {', '.join(profiles)}, and params.yaml of "
                f"{params.experiment.profile}; what can be measured is the latter"
            )
        with open_forecast() as forecast:
            measured = measure(params, planned_corpus(params), batches, forecast.current)
        known = _of_all(params, experiments, measured.per_second)
        notes = measured.notes
    else:
        of_each = [benchmarked(each) for each in experiments]
        known = {
            work: speed
            for work, speed in of_each[0].per_second.items()
            if all(each.per_second.get(work) == speed for each in of_each)
        }
        notes = list(of_each[0].notes) if known else []
    captioners = {base_captioner_bytes(each) for each in experiments}
    denoisers = {trained_of_base_bytes(each) for each in experiments}
    return Speeds(
        {**known, **per_second},
        measured.unit if measured else "GPU-hours",
        measured.image_bytes if measured else None,
        captioners.pop() if len(captioners) == 1 else None,
        denoisers.pop() if len(denoisers) == 1 else None,
        notes,
    )


def _of_all(
    params: Params, experiments: Iterable[Params], measured: Mapping[str, float]
) -> dict[str, float]:
    """What was measured of the workspace's models, where all experiments have them."""
    here = models_of(params)
    same = {
        work
        for place, model in enumerate(here)
        if all(models_of(each)[place].is_as_fast_as(model) for each in experiments)
        for work in model.work
    }
    return {work: speed for work, speed in measured.items() if work in same}


def with_corpora(experiments: Iterable[Params]) -> list[Costed]:
    """Experiments with the sizes of their corpora, each of which is looked up once.

    Raises:
        InputError: a corpus is not here, and not a published one.
    """
    sizes: dict[str, CorpusSize] = {}
    found = []
    for params in experiments:
        key = repr((params.profile.data, params.experiment.inputs.annotations))
        if key not in sizes:
            sizes[key] = planned_corpus(params)
        found.append(Costed(params, sizes[key]))
    return found


def study_text(todo: Sequence[Costed], done: Sequence[Costed], speeds: Speeds, free: float) -> str:
    """The plan of a study.

    Args:
        todo: experiments to run.
        done: those that have finished.
        speeds: what is known.
        free: bytes on this disk.
    """
    number = len(todo) + len(done)
    lines = [f"{number} experiments, {len(done)} of them finished; to run:"]
    for line in _settings(todo):
        lines += textwrap.wrap(line, WIDTH, initial_indent="  ", subsequent_indent="    ")
    if not todo:
        return f"{number} experiments, all of them finished: nothing to do."
    amounts = amounts_of(todo, done)
    space = space_of_study(
        amounts,
        image_bytes=speeds.image_bytes,
        captioner_bytes=speeds.captioner_bytes,
        network_bytes=speeds.network_bytes,
    )
    work = work_of_study(amounts, speeds.per_second)
    models = list(dict.fromkeys(model for each in todo for model in models_of(each.params)))
    table = [*work_table(work, speeds.unit), *unknown_table(models, work)]
    return "\n".join([*lines, "", *speeds.notes, *table, "", *space_table(space, free), "", SHARED])


def _settings(experiments: Sequence[Costed]) -> list[str]:
    """How many experiments each corpus has, and how large it is."""
    groups: dict[tuple[str, str], list[Costed]] = {}
    for each in experiments:
        key = (each.params.experiment.profile, repr(each.params.profile.data))
        groups.setdefault(key, []).append(each)
    lines = []
    for (profile, _), group in groups.items():
        fraction, corpus = group[0].params.profile.data.train_fraction, group[0].corpus
        part = "" if fraction == 1 else f", {100 * fraction:g} % of the images"
        lines.append(
            f"{len(group)} of {profile}{part}: {corpus.samples:,} training samples "
            f"(from {corpus.known_from})"
        )
    return lines

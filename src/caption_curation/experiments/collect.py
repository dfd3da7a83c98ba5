"""From what DVC lists to the runs that can be compared, and what was left out."""

from collections.abc import Sequence

from tqdm import tqdm

from caption_curation.curation.settings import Curation
from caption_curation.experiments.comparability import (
    LeftOut,
    by_parameters,
    largest_comparable,
    without_duplicates,
)
from caption_curation.experiments.finished import (
    HEAD,
    WORKSPACE,
    FinishedExperiment,
    Repository,
    Unusable,
)
from caption_curation.experiments.runs import Run, edit_files, read_run
from caption_curation.support.errors import InputError, list_faults


def collect_runs(
    repository: Repository, names: Sequence[str] | None = None
) -> tuple[list[Run], list[LeftOut]]:
    """The comparable finished experiments, and the others with reasons.

    Without names they are those of the current commit that are of one setting, the one that most
    are of. Experiments that are named may be of several settings; only those of one are comparable
    with each other.

    Args:
        repository: where they are.
        names: only these (``HEAD`` and ``workspace`` are such names), also of other commits;
            ``None``: all of the current commit. Settings are in the order of their first name.

    Raises:
        InputError: a name is unknown, or nothing can be compared.
    """
    listed = repository.listed
    if names is not None:
        listed = repository.find("--experiments", names)
    # Names are the order, whichever commit an experiment is of; a run without one is the last.
    in_order = sorted(set(listed), key=lambda entry: (entry.name in (HEAD, WORKSPACE), entry.name))

    left_out = []
    finished: list[FinishedExperiment] = []
    for entry in in_order:
        try:
            experiment = repository.read(entry)
            # What cannot be read is no reason to leave out what it is not comparable with.
            edit_files(experiment)
            finished.append(experiment)
        except Unusable as reason:
            left_out.append(LeftOut(entry.name, str(reason)))
    if names is None and finished:
        finished, others = largest_comparable(finished)
        left_out += others
    first = {entry.name: position for position, entry in enumerate(listed)}
    settings = sorted(
        by_parameters(finished).items(), key=lambda item: min(first[each.name] for each in item[1])
    )
    kept: list[tuple[FinishedExperiment, Curation, str]] = []
    for setting, experiments in settings:
        comparable, others = largest_comparable(experiments)
        pairs = [
            (experiment, Curation.model_validate(experiment.parameters["curation"]))
            for experiment in comparable
        ]
        unique, duplicates = without_duplicates(pairs)
        left_out += others + duplicates
        kept += [(experiment, curation, setting) for experiment, curation in unique]
    runs: list[Run] = []
    for experiment, curation, setting in tqdm(kept, "reading experiments", disable=None):
        try:
            runs.append(read_run(experiment, curation, setting))
        except Unusable as reason:
            left_out.append(LeftOut(experiment.name, str(reason)))
    if not runs:
        reasons = [f"{entry.name}: {entry.reason}" for entry in left_out]
        raise InputError(
            list_faults("there is no finished experiment to compare", reasons)
            + "\nrun one with `dvc repro` or `dvc exp run`, or bring one with `dvc exp pull`"
        )
    return runs, left_out

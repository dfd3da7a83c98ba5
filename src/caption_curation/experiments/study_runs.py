"""The experiments of a study against those that DVC has: what is finished, what is left to run.

What has finished is never run again, so a study that was stopped continues where it was.
"""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError
from tqdm import tqdm

from caption_curation.config.params import Params
from caption_curation.experiments import queue as experiment_queue
from caption_curation.experiments.collect import collect_runs
from caption_curation.experiments.comparability import LeftOut
from caption_curation.experiments.finished import HEAD, WORKSPACE, Listed, Repository, Unusable
from caption_curation.experiments.runs import Run
from caption_curation.experiments.study_plan import Planned, result_key
from caption_curation.support.errors import InputError, list_faults

Finished = Mapping[tuple[object, ...], str]  # name of a finished experiment by result key


def find_finished(repository: Repository, planned: Sequence[Planned]) -> Finished:
    """The finished experiments of a study, also those of another commit."""
    wanted = {experiment.key for experiment in planned}
    found: dict[tuple[object, ...], str] = {}
    known: set[str] = set()
    for listed in [*repository.listed, *repository.of_other_commits]:
        # HEAD is another tomorrow; and a name means the first experiment of it.
        if listed.name in (HEAD, WORKSPACE) or listed.name in known:
            continue
        known.add(listed.name)
        try:
            experiment = repository.read(listed)
            key = _key(repository, listed)
        except (Unusable, ValidationError):  # the latter: an experiment of another version
            continue
        if key in wanted and repository.is_current(listed, experiment):
            found.setdefault(key, listed.name)
    return found


def _key(repository: Repository, listed: Listed) -> tuple[object, ...]:
    experiment = repository.parameters(listed)
    profile = repository.profile(listed, str(experiment["profile"]))
    return result_key(Params.model_validate({"experiment": experiment, "profile": profile}))


def run_missing(missing: Sequence[Planned], listed: Sequence[Listed], jobs: int) -> list[str]:
    """Queue what is missing and wait for it.

    Args:
        missing: experiments without results, at least one.
        listed: those that DVC knows.
        jobs: how many run at a time.

    Returns:
        The names of those that failed.

    Raises:
        InputError: finished experiments have the names of missing ones.
        KeyboardInterrupt: the queued experiments go on.
    """
    states = {experiment.name: experiment.state for experiment in listed}
    taken = [
        f"{experiment.name}: there is an experiment of this name with other parameters or without "
        f"results; `dvc exp remove {experiment.name}`, or give the study another name"
        for experiment in missing
        if states.get(experiment.name) == "success"
    ]
    if taken:
        raise InputError(list_faults("experiments in the way", taken))
    names = [experiment.name for experiment in missing]
    interrupted = experiment_queue.clear_interrupted(names)
    for experiment in tqdm(missing, "queueing", disable=None):
        state = states.get(experiment.name, "")
        if state == "failed":
            experiment_queue.forget(experiment.name)
        if state in ("", "failed") or experiment.name in interrupted:
            experiment_queue.enqueue(experiment.name, experiment.settings)
    return experiment_queue.run_queued(names, jobs)


def describe_states(
    planned: Sequence[Planned], finished: Finished, listed: Sequence[Listed]
) -> list[str]:
    """What has become of each experiment of a study, a line each."""
    states = {experiment.name: experiment.state for experiment in listed}
    words = {"queued": "queued", "running": "running", "failed": "failed, to run again"}
    lines = []
    for experiment in planned:
        if experiment.key in finished:
            state = f"finished as {finished[experiment.key]}"
        else:
            what = words.get(states.get(experiment.name, ""), "to run")
            state = f"{what} ({' '.join(experiment.settings)})"
        lines.append(f"{experiment.name}: {state}")
    return lines


def collect_study(
    repository: Repository, planned: Sequence[Planned], finished: Finished
) -> tuple[list[Run], list[LeftOut]]:
    """The comparable runs of a study, and its other experiments with reasons.

    Raises:
        InputError: nothing can be compared.
    """
    known = {listed.name for listed in repository.listed}
    unfinished = [experiment.name for experiment in planned if experiment.key not in finished]
    # In the order of the study, which is that of its settings on the page.
    names = [finished.get(experiment.key, experiment.name) for experiment in planned]
    names = [name for name in names if name not in unfinished or name in known]
    runs, left_out = collect_runs(repository, names)
    return runs, left_out + [LeftOut(name, "not run") for name in unfinished if name not in known]


def runs_of_group(
    group: str, planned: Sequence[Planned], finished: Finished, runs: Sequence[Run]
) -> list[Run]:
    """The runs that a group of a study consists of."""
    members = {
        finished[experiment.key]
        for experiment in planned
        if group in experiment.groups and experiment.key in finished
    }
    return [run for run in runs if run.name in members]

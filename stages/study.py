"""Run a study: queue its experiments, wait for them, and compare them on one page.

Not a stage of the pipeline: it runs the pipeline, once for every experiment. What has finished is
never run again, so a study that was stopped goes on where it was.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from tqdm import tqdm

from caption_curation.config.experiment import Experiment
from caption_curation.config.params import PARAMS_FILE, load_params
from caption_curation.experiments import queue as experiment_queue
from caption_curation.experiments.collect import collect_runs
from caption_curation.experiments.comparability import LeftOut
from caption_curation.experiments.finished import HEAD, WORKSPACE, Listed, Repository, Unusable
from caption_curation.experiments.runs import Run
from caption_curation.experiments.study import Planned, Study, load_study, plan, result_key
from caption_curation.reports.comparison.page import check_folder, write_comparison
from caption_curation.reports.comparison.sections import Section
from caption_curation.support.dvc_cache import dvc_cache_folder
from caption_curation.support.errors import InputError, list_faults
from stages import run


def main(*arguments: str) -> None:
    options = _parse(arguments)
    if options.jobs < 1:
        raise InputError(f"--jobs = {options.jobs}: at least 1")
    load_params()
    study = load_study(options.study)
    planned = plan(study, options.study, yaml.safe_load(PARAMS_FILE.read_text(encoding="utf-8")))
    folder = Path("reports") / f"{options.study.stem}_study"
    check_folder(folder)
    cache = dvc_cache_folder()
    repository = Repository(Path(), cache)
    finished = _finished(repository, planned)
    states = {one.name: one for one in repository.listed}
    if options.list:
        for one in planned:
            print(f"{one.name}: {_state(one, finished, states)}")
        return

    missing = [one for one in planned if one.key not in finished]
    print(f"{len(planned)} experiments, {len(planned) - len(missing)} of them finished")
    if missing:
        failed = _run(missing, states, options.jobs)
        repository = Repository(Path(), cache)
        finished = _finished(repository, planned)
        for listed in repository.listed:
            if listed.name in failed:
                print(f"failed: {listed.name}; its output is in {listed.log}")
    _compare(study, planned, finished, repository, folder, options.study)


def _run(missing: Sequence[Planned], states: Mapping[str, Listed], jobs: int) -> list[str]:
    """Queue what is missing and wait for it; the names of those that failed."""
    taken = [
        f"{one.name}: there is an experiment of this name with other parameters or without "
        f"results; `dvc exp remove {one.name}`, or give the study another name"
        for one in missing
        if one.name in states and states[one.name].state == "success"
    ]
    if taken:
        raise InputError(list_faults("experiments in the way", taken))
    names = [one.name for one in missing]
    interrupted = experiment_queue.clear_interrupted(names)
    for one in tqdm(missing, "queueing", disable=None):
        state = states[one.name].state if one.name in states else ""
        if state == "failed":
            experiment_queue.forget(one.name)
        if state in ("", "failed") or one.name in interrupted:
            experiment_queue.enqueue(one.name, one.settings)
    try:
        return experiment_queue.run_queued(names, jobs)
    except KeyboardInterrupt:
        sys.exit(
            "\ninterrupted; the queued experiments go on without this command: `dvc queue status` "
            "shows them, `dvc queue stop --kill` ends them, and this command waits for them again"
        )


def _finished(repository: Repository, planned: Sequence[Planned]) -> dict[tuple[object, ...], str]:
    """Result key → name of a finished experiment of the study, also of another commit."""
    wanted = {one.key for one in planned}
    found: dict[tuple[object, ...], str] = {}
    known: set[str] = set()
    for one in [*repository.listed, *repository.of_other_commits]:
        # HEAD is another tomorrow; and a name means the first experiment of it.
        if one.name in (HEAD, WORKSPACE) or one.name in known:
            continue
        known.add(one.name)
        try:
            experiment = repository.read(one)
        except Unusable:
            continue
        key = result_key(Experiment.model_validate(experiment.parameters))
        if key in wanted and repository.is_current(one, experiment):
            found.setdefault(key, one.name)
    return found


def _state(
    one: Planned, finished: Mapping[tuple[object, ...], str], states: Mapping[str, Listed]
) -> str:
    if one.key in finished:
        return f"finished as {finished[one.key]}"
    state = states[one.name].state if one.name in states else ""
    what = {"queued": "queued", "running": "running", "failed": "failed, to run again"}
    return f"{what.get(state, 'to run')} ({' '.join(one.settings)})"


def _compare(
    study: Study,
    planned: Sequence[Planned],
    finished: Mapping[tuple[object, ...], str],
    repository: Repository,
    folder: Path,
    file: Path,
) -> None:
    known = {one.name for one in repository.listed}
    unfinished = [one.name for one in planned if one.key not in finished]
    names = [*finished.values(), *(name for name in unfinished if name in known)]
    runs, left_out = collect_runs(repository, names)
    left_out += [LeftOut(name, "not run") for name in unfinished if name not in known]
    sections = [
        Section(group.name, group.title, group.question, of_group)
        for group in study.groups
        if (of_group := _runs_of(group.name, planned, runs))
    ]
    notes = write_comparison(
        folder,
        title=study.title,
        sections=sections,
        runs=runs,
        left_out=left_out,
        command=f"python -m stages.study {file.as_posix()}",
    )
    print(f"compared {len(runs)} experiment(s)")
    for note in notes:
        print(f"left out: {note}")
    print(folder / "index.html")


def _runs_of(group: str, planned: Sequence[Planned], runs: Sequence[Run]) -> list[Run]:
    members = {(one.variant, one.experiment.seed) for one in planned if group in one.groups}
    return [run for run in runs if (run.variant, run.seed) in members]


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.study",
        description="Run what a study has not run yet, and compare all of it. "
        "Run `dvc repro` once before, so that the experiments share its models.",
    )
    parser.add_argument("study", type=Path, help="a file as studies/demo.yaml")
    parser.add_argument(
        "--jobs", type=int, default=2, metavar="N", help="at a time (default: %(default)s)"
    )
    parser.add_argument("--list", action="store_true", help="show what would run, and end")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run(main, *sys.argv[1:])

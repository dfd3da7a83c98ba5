"""``caption-curation study``."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from caption_curation.commands.words import GROUPS, check_checkout, flag, report_comparison


def study(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="The study, as studies/demo.yaml.")
    ],
    groups: Annotated[list[str] | None, GROUPS] = None,
    jobs: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many experiments run at a time.")
    ] = 2,
    only_list: Annotated[
        bool, flag("--list", help="Show what has finished and what would run, and end.")
    ] = False,
) -> None:
    """Run what is missing of a study, and compare all of it on one page.

    Run `dvc repro` once before, so that the experiments share its models. A study that was stopped
    continues where it was. Several files are one study: groups of one name stand together.
    """
    check_checkout()

    from caption_curation.config.params import load_params
    from caption_curation.experiments.finished import Repository
    from caption_curation.experiments.study import groups_of, load_studies
    from caption_curation.experiments.study_plan import plan
    from caption_curation.experiments.study_runs import (
        collect_study,
        describe_states,
        find_finished,
        run_missing,
        runs_of_group,
    )
    from caption_curation.experiments.this_machine import warnings_before
    from caption_curation.reports.comparison.arithmetic import arithmetic_lines
    from caption_curation.reports.comparison.page import check_folder, write_comparison
    from caption_curation.reports.comparison.sections import Section, runs_by_setting
    from caption_curation.support.dvc_cache import dvc_cache_folder

    load_params()
    studies = load_studies(files, groups or None)
    planned = plan(studies)
    folder = page_folder(files, groups or ())
    check_folder(folder)
    cache = dvc_cache_folder()
    repository = Repository(Path(), cache)
    finished = find_finished(repository, planned)
    if only_list:
        print("\n".join(describe_states(planned, finished, repository.listed)))
        return

    missing = [experiment for experiment in planned if experiment.key not in finished]
    print(f"{len(planned)} experiments, {len(planned) - len(missing)} of them finished")
    if missing:
        for line in warnings_before(repository, [each.experiment for each in missing], cache):
            typer.echo(f"warning: {line}", err=True)
        try:
            failed = run_missing(missing, repository.listed, jobs)
        except KeyboardInterrupt:
            typer.echo(
                "\nthe queued experiments go on without this command: `dvc queue status` shows "
                "them, `dvc queue stop --kill` ends them, and this command waits for them again",
                err=True,
            )
            raise
        repository = Repository(Path(), cache)
        finished = find_finished(repository, planned)
        for listed in repository.listed:
            if listed.name in failed:
                print(f"failed: {listed.name}; its output is in {listed.log}")
    runs, left_out = collect_study(repository, planned, finished)
    words = [file.as_posix() for file in files] + (["--groups", *groups] if groups else [])
    notes = write_comparison(
        folder,
        title=", ".join(dict.fromkeys(loaded.title for loaded in studies.values())),
        sections=[
            Section(group.name, group.title, group.question, of_group)
            for group in groups_of(studies.values()).values()
            if (of_group := runs_of_group(group.name, planned, finished, runs))
        ],
        runs=runs,
        left_out=left_out,
        command=shlex.join(["caption-curation", "study", *words]),
    )
    report_comparison(len(runs), arithmetic_lines(runs_by_setting(runs)), notes, folder)


def page_folder(files: Sequence[Path], groups: Sequence[str]) -> Path:
    """Where the page of a study lies: that of a part does not replace that of the whole."""
    name = "-".join([f"{'-'.join(file.stem for file in files)}_study", *groups])
    return Path("reports") / name

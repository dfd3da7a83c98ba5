"""``caption-curation doctor``."""

from typing import Annotated

import typer

from caption_curation.commands.words import flag


def doctor(
    repair: Annotated[
        bool,
        flag(
            "--repair",
            help="Mend a dvc.lock and .dvc/tmp/rwlock that a kill has left damaged, the first from "
            "git; nothing that is whole is touched.",
        ),
    ] = False,
) -> None:
    """Say what is wrong with this checkout and machine, and how to mend it.

    A line a check: ok, warning or problem. The exit status is 1 if there is a problem.
    """
    from pathlib import Path

    from caption_curation.doctor.checkup import check_all
    from caption_curation.doctor.findings import State

    if repair:
        from caption_curation.doctor.locks import repair as repair_locks

        for done in repair_locks(Path()) or ["there is nothing to repair"]:
            print(f"repair   {done}")
    problems = 0
    for finding in check_all(Path()):
        print(finding, flush=True)
        problems += finding.state is State.PROBLEM
    if problems:
        raise typer.Exit(1)

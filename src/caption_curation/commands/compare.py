"""``caption-curation compare``."""

from pathlib import Path
from typing import Annotated

import typer

from caption_curation.commands.words import check_checkout, report_comparison

DEFAULT = Path("reports/comparison")


def compare(
    experiments: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME...",
            help="Only these, also of other commits; HEAD is the commit's own run, and workspace "
            "that of the workspace. Those of several settings, such as two corpora, stand side by "
            "side. Without it: of the current commit, all of the setting that most are of.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The page's folder.")] = DEFAULT,
) -> None:
    """Compare finished experiments in tables and figures on one page.

    Differences have confidence intervals over seeds. The command reads what experiments have left
    in git and in DVC's cache; nothing is checked out or run.
    """
    import shlex

    check_checkout()

    from caption_curation.experiments.collect import collect_runs
    from caption_curation.experiments.finished import Repository
    from caption_curation.reports.comparison.arithmetic import arithmetic_lines
    from caption_curation.reports.comparison.page import check_folder, write_comparison
    from caption_curation.reports.comparison.sections import default_sections, runs_by_setting
    from caption_curation.support.dvc_cache import dvc_cache_folder

    check_folder(out)
    runs, left_out = collect_runs(Repository(Path(), dvc_cache_folder()), experiments or None)
    words = ["--experiments", *experiments] if experiments else []
    words += ["--out", out.as_posix()] if out != DEFAULT else []
    notes = write_comparison(
        out,
        title="Comparison",
        sections=default_sections(runs),
        runs=runs,
        left_out=left_out,
        command=shlex.join(["caption-curation", "compare", *words]),
    )
    report_comparison(len(runs), arithmetic_lines(runs_by_setting(runs)), notes, out)

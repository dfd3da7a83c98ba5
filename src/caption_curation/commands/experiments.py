"""``caption-curation experiments``."""

from typing import Annotated

from caption_curation.commands.words import check_checkout, flag

SCORES = ("cider", "bleu_4", "meteor", "rouge_l", "spice", "clipscore")  # the first, most of all


def experiments(
    all_commits: Annotated[
        bool, flag("--all-commits", "-A", help="Also the finished experiments of other commits.")
    ] = False,
) -> None:
    """List the experiments of this commit, with test scores and what differs.

    Scores are times 100. The table fits the terminal: what does not fit beside an experiment
    stands below it, and scores that do not fit are left out. HEAD is the current commit's own run.
    """
    import shutil
    from pathlib import Path
    from textwrap import wrap

    check_checkout()

    from caption_curation.experiments.finished import Repository
    from caption_curation.experiments.overview import (
        overview,
        overview_arithmetic,
        overview_table,
    )
    from caption_curation.reports.page.labels import METRIC_LABELS
    from caption_curation.support.dvc_cache import dvc_cache_folder

    rows = overview(Repository(Path(), dvc_cache_folder()), all_commits=all_commits)
    width = shutil.get_terminal_size().columns
    labels = {name: METRIC_LABELS[name] for name in SCORES}
    lines = [*overview_arithmetic(rows, width), *overview_table(rows, labels, width)]
    print("\n".join(lines))
    for row in rows:
        if row.note and row.state not in ("queued", "running"):
            print("\n".join(wrap(f"{row.name}: {row.note}", width, subsequent_indent="  ")))

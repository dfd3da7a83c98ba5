"""Compare finished experiments: tables and figures with confidence intervals over seeds.

Not a stage of the pipeline: it reads what experiments have left in git and in DVC's cache.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from caption_curation.experiments.collect import collect_runs
from caption_curation.experiments.finished import Repository
from caption_curation.reports.comparison.page import check_folder, write_comparison
from caption_curation.reports.comparison.sections import default_sections
from caption_curation.support.dvc_cache import dvc_cache_folder
from stages import run


def main(*arguments: str) -> None:
    options = _parse(arguments)
    check_folder(options.out)
    repository = Repository(Path(), dvc_cache_folder())
    runs, left_out = collect_runs(repository, options.experiments)

    notes = write_comparison(
        options.out,
        title="Comparison",
        sections=default_sections(runs),
        runs=runs,
        left_out=left_out,
        command=shlex.join(["python", "-m", "stages.compare", *arguments]),
    )
    print(f"compared {len(runs)} experiment(s)")
    for note in notes:
        print(f"left out: {note}")
    print(options.out / "index.html")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.compare", description="Compare finished experiments."
    )
    parser.add_argument(
        "--experiments",
        nargs="+",
        metavar="NAME",
        help="only these (default: all of the current commit, its own run HEAD, and the workspace)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("reports/comparison"),
        metavar="FOLDER",
        help="default: %(default)s",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run(main, *sys.argv[1:])

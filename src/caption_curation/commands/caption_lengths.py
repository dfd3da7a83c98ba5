"""``caption-curation caption-lengths``: the paper's figure 6 of any corpora."""

from pathlib import Path
from typing import Annotated

import typer


def caption_lengths(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME=FILE...",
            help="What to call a corpus, and its captions: Karpathy's or COCO's JSON, or a file of "
            "JSON Lines with `captions` or `caption`, as data/corpus/train.jsonl is.",
        ),
    ],
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where to write.")],
) -> None:
    """Compare how long the captions of several corpora are, as the paper's figure 6.

    Writes the figure as SVG and PNG, and the number of captions of each length as CSV.
    """
    from caption_curation.reports.lengths_of_files import compare_lengths

    for line in compare_lengths(files, to):
        print(line)

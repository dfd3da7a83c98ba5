"""``caption-curation annotate``."""

from pathlib import Path
from typing import Annotated

import typer

from caption_curation.commands.words import HOST, PORT
from caption_curation.paths import HUMAN_STUDY

Sets = Annotated[Path, typer.Option(metavar="FOLDER", help="Where the sets lie.")]
Annotations = Annotated[
    Path, typer.Option(metavar="FOLDER", help="Where annotations lie, one file an annotator.")
]
SETS = HUMAN_STUDY / "sets"
ANNOTATIONS = HUMAN_STUDY / "annotations"


def annotate(
    number: Annotated[int, typer.Option("--set", metavar="N", help="The number of the set.")],
    annotator: Annotated[
        str | None,
        typer.Option(
            metavar="CODE",
            help="Letters, digits, - and _; without it, people enter their codes on the page.",
        ),
    ] = None,
    sets: Sets = SETS,
    annotations: Annotations = ANNOTATIONS,
    host: Annotated[str, HOST] = "localhost",
    port: Annotated[int, PORT] = 8000,
) -> None:
    """Serve the page on which people annotate a set of images.

    Ctrl-C ends it. The packages of requirements-study.txt are needed.
    """
    from caption_curation.support.errors import InputError

    try:
        from caption_curation.human_study.annotation_page.server import serve
    except ModuleNotFoundError as error:
        raise InputError(f"{error}: pip install -r requirements-study.txt") from error
    serve(sets, number, annotations, annotator=annotator, host=host, port=port)

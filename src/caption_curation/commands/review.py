"""``caption-curation review``."""

from pathlib import Path
from typing import Annotated

import typer

from caption_curation.commands.words import HOST, PORT, check_checkout


def review(
    epoch: Annotated[
        int | None,
        typer.Option(
            metavar="E",
            min=0,
            help="After which the samples were chosen (0: before training); by default the first "
            "that has any.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The file of decisions, by default the one that inputs.decisions in params.yaml "
            "names, or decisions.jsonl where that is the empty default.",
        ),
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="A finished experiment, read from DVC's cache, in place of the workspace's run.",
        ),
    ] = None,
    host: Annotated[str, HOST] = "localhost",
    port: Annotated[int, PORT] = 8001,
) -> None:
    """Serve a page on which people decide about the samples that curation chose.

    Accept, reject, another caption, remove; every decision is saved at once. Ctrl-C ends it. The
    packages of requirements-study.txt are needed.
    """
    check_checkout()

    from caption_curation.support.errors import InputError

    try:
        from caption_curation.review.server import serve
    except ModuleNotFoundError as error:
        raise InputError(f"{error}: pip install -r requirements-study.txt") from error
    serve(epoch, out, experiment, host=host, port=port)

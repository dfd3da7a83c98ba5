"""``caption-curation metrics``: one JSON object, and nothing else, on standard output."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from caption_curation.commands.words import flag


class Spice(StrEnum):
    """What to do about SPICE."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


def metrics(
    candidates: Annotated[
        Path,
        typer.Argument(
            metavar="CANDIDATES",
            help='COCO results (.json), [{"image_id": 1, "caption": "…"}, …], or text.',
        ),
    ],
    references: Annotated[
        list[Path],
        typer.Argument(
            metavar="REFERENCES...",
            help="One file of COCO captions (.json), with images and annotations, or any number of "
            "text files.",
        ),
    ],
    no_tokenize: Annotated[
        bool,
        flag(
            "--no-tokenize",
            help="Take tokens as separated by white space, instead of applying the PTB tokenizer "
            "of the COCO evaluation.",
        ),
    ] = False,
    language: Annotated[
        str,
        typer.Option(
            metavar="CODE",
            help="Of the captions, a code of ISO 639-1; others than en are split at Unicode's word "
            "boundaries. What a metric cannot do in it is null, with a line that says why.",
        ),
    ] = "en",
    spice: Annotated[
        Spice,
        typer.Option(
            help="auto: null, with a line that says why, where SPICE's two files are missing; on: "
            "that is an error; off: without SPICE."
        ),
    ] = Spice.OFF,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="The images, for CLIPScore: files called as the references' JSON says, otherwise "
            "like the image id (of text files: the number of the line).",
        ),
    ] = None,
    clip: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="The CLIP of CLIPScore, in the hub's layout with safetensors weights.",
        ),
    ] = None,
) -> None:
    """Score generated captions that lie in files.

    BLEU, METEOR, ROUGE-L and CIDEr, and where asked for SPICE, CLIPScore and RefCLIPScore, as JSON.

    Files are COCO JSON if their names end in .json, otherwise text with one caption a line, where
    line i of each file belongs to the same image. Bad input is exit status 2, a failure of Java 1.
    """
    if (images is None) != (clip is None):
        raise typer.BadParameter("--images and --clip go together")

    import json
    import sys

    from caption_curation.evaluation.caption_files import score_files
    from caption_curation.metrics.coco.java import JavaError
    from caption_curation.support.errors import InputError

    try:
        scores = score_files(
            candidates,
            references,
            tokenize=not no_tokenize,
            language=language,
            spice=spice.value,
            images_folder=images,
            clip=clip,
        )
    except (InputError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(2) from error
    except JavaError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    print(json.dumps(scores, indent=2))

"""``caption-curation curate``: a round of curation on files, without DVC and torch."""

from pathlib import Path
from typing import Annotated

import typer

from caption_curation.commands.export import Form
from caption_curation.support.errors import InputError

WHAT = "What is read and written"
HOW = "Which samples, and what becomes of them"
IMAGES = "Images to draw (method replace_image)"

_MODES = ("concat", "single", "others")
_JOININGS = ("verbatim", "sentences")


def curate(
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The edits to write, a line for each chosen sample, hardest first: .jsonl (which "
            "the next round reads) or .csv.",
            rich_help_panel=WHAT,
        ),
    ],
    method: Annotated[
        str,
        typer.Option(
            metavar="METHOD",
            help="remove, replace_caption (another caption of the image) or replace_image.",
            rich_help_panel=HOW,
        ),
    ],
    rule: Annotated[
        str,
        typer.Option(
            metavar="RULE",
            help="top_fraction: the hardest --ratio; mean_std: all above mean + --std deviations.",
            rich_help_panel=HOW,
        ),
    ],
    losses: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="How hard each sample is, the higher the harder: sample_id (or image_id and "
            "caption) and loss.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The training set before any curation: sample_id, image_id, caption and file_name "
            "(or image), as far as the method needs them. Without it, they are in the file of "
            "the losses.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=NAME",
            help="The name of a column that is called otherwise: of sample_id, image_id, caption, "
            "image or loss. Several times.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    edits: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Edits of an earlier round; several times, oldest first. What they used up stays "
            "used up.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    apply: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Write the edited training set too: .jsonl, .csv or .parquet; with --format a "
            "folder.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option(
            "--format",
            help="What --apply writes, with a data set card, as `export` does.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="The folder that your image files are relative to; --format copies them.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    ratio: Annotated[
        float | None,
        typer.Option(help="Of the training samples, in (0, 1].", rich_help_panel=HOW),
    ] = None,
    std: Annotated[
        float | None,
        typer.Option(help="Standard deviations above the mean.", rich_help_panel=HOW),
    ] = None,
    score: Annotated[
        str,
        typer.Option(
            metavar="SCORE",
            help="file: the numbers as they are (column score, or loss); loss_mean, loss_sum, "
            "loss_sum_smoothed: that column, or loss; random: as many samples at random.",
            rich_help_panel=HOW,
        ),
    ] = "file",
    rounding: Annotated[
        str,
        typer.Option(
            metavar="ROUNDING", help="Of --ratio times samples: floor, round.", rich_help_panel=HOW
        ),
    ] = "floor",
    epoch: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Number of the round; without it, the one that follows on --edits, or 1. 0: "
            "before training; without --losses a part of each image's samples at random.",
            rich_help_panel=HOW,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of all random choices.", rich_help_panel=HOW)] = 0,
    pair_with: Annotated[
        str,
        typer.Option(
            metavar="WHICH",
            help="Caption of a synthetic image: keep, random_easier or easiest.",
            rich_help_panel=IMAGES,
        ),
    ] = "keep",
    easier_captions: Annotated[
        int | None,
        typer.Option(
            help="random_easier draws among so many of the image's easiest captions; without it, "
            "among all that are easier.",
            rich_help_panel=IMAGES,
        ),
    ] = None,
    prompt_mode: Annotated[
        str,
        typer.Option(
            metavar="MODE",
            help="Drawn from concat (all captions of the image), single (the sample's) or others "
            "(all but the sample's).",
            rich_help_panel=IMAGES,
        ),
    ] = "concat",
    joining: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="Captions are joined verbatim, or as sentences.",
            rich_help_panel=IMAGES,
        ),
    ] = "verbatim",
    styler: Annotated[
        str,
        typer.Option(help="Text after every prompt.", rich_help_panel=IMAGES),
    ] = "",
    drawn: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="The images that were drawn for this round: a folder of files called like their "
            "samples, or a table of sample_id and file_name. Samples without one stay as they are.",
            rich_help_panel=IMAGES,
        ),
    ] = None,
) -> None:
    """Curate a training set by losses of your own: from files to files.

    The choices are those that the pipeline makes for the same losses, seed and epoch. JSON Lines,
    CSV and Parquet are told by the ending. Nothing is written unless all files are as they must be.
    """
    for option, value, allowed in (
        ("--prompt-mode", prompt_mode, _MODES),
        ("--joining", joining, _JOININGS),
    ):
        if value not in allowed:
            raise InputError(f"{option} {value}: allowed are {', '.join(allowed)}")

    if (form is None) != (images is None) or (form is not None and apply is None):
        raise typer.BadParameter("--format, --images and --apply FOLDER go together")

    from caption_curation.config.experiment import Prompt
    from caption_curation.rounds.columns import parse_columns
    from caption_curation.rounds.files import Round, curate_files

    prompt = {"mode": prompt_mode, "joining": joining, "styler": styler, "overflow": "truncate"}
    asked = Round(
        samples=samples,
        losses=losses,
        named=parse_columns(column or []),
        earlier=edits or [],
        settings={
            "method": method,
            "rule": rule,
            "ratio": ratio,
            "std": std,
            "score": score,
            "pair_with": pair_with,
            "rounding": rounding,
            "easier_captions": easier_captions,
        },
        epoch=epoch,
        seed=seed,
        prompt=Prompt.model_validate(prompt),
        drawn=drawn,
        out=out,
        apply=apply if form is None else None,
    )
    if form is None or images is None or apply is None:
        lines = curate_files(asked)
    else:
        from caption_curation.exports.of_round import Target, curate_and_export

        lines = curate_and_export(asked, Target(form.value, apply, images))
    print("\n".join(lines))

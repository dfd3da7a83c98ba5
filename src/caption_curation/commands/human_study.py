"""``caption-curation human-study``: a study of anyone's images."""

import re
from pathlib import Path
from typing import Annotated

import typer

from caption_curation.commands.annotate import ANNOTATIONS, SETS, Annotations, Sets
from caption_curation.commands.words import example, report_import
from caption_curation.paths import HUMAN_STUDY, HUMAN_STUDY_REPORT

human_study = typer.Typer(
    help="Let people judge any generated images: build sets, import annotations, analyse.",
    no_args_is_help=True,
)


@human_study.command(
    epilog=example(
        "human-study build --losses losses.json --images images --references references.json "
        "--out study"
    )
)
def build(
    losses: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help='JSON: [{"image_id": …, "loss": …}, …]; or "loss_val", and perhaps "clipscore".',
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The study's folder.")],
    images: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Files called like the image ids.")
    ] = None,
    references: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Of the images: COCO's captions or BLIP's annotations (.json), or a corpus split "
            "(.jsonl).",
        ),
    ] = None,
    clipscores: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='JSON: {"ID": {"CLIPScore": …}, …}, as jmhessel/clipscore saves it.',
        ),
    ] = None,
    images_per_group: Annotated[
        int, typer.Option(metavar="N", help="Of the lowest losses, and of the highest.")
    ] = 50,
    sets: Annotated[int, typer.Option(metavar="N", help="How many sets to split them into.")] = 5,
    references_shown: Annotated[
        str,
        typer.Option(
            metavar="N", help="For each image, those under 20 words first, or `all`, in order."
        ),
    ] = "2",
    loss_unit: Annotated[
        str, typer.Option(metavar="TEXT", help="For the axes of figures.", show_default=False)
    ] = "",
) -> None:
    """Split the images of the lowest and the highest loss into sets for annotators.

    Without images and references, only sets.json, the lists of image ids, is written.
    """
    if (images is None) != (references is None):
        raise typer.BadParameter(
            "--images and --references: give both, or neither for sets.json alone"
        )

    if references_shown != "all" and not re.fullmatch("[1-9][0-9]*", references_shown):
        raise typer.BadParameter(
            f"--references-shown: {references_shown!r} is neither a number from 1 on nor `all`"
        )

    from caption_curation.human_study.study.building import build_study

    built = build_study(
        out,
        losses,
        clipscores=clipscores,
        images=images,
        references=references,
        images_per_group=images_per_group,
        sets=sets,
        references_shown="all" if references_shown == "all" else int(references_shown),
        loss_unit=loss_unit,
    )
    print(f"{len(built)} sets of {len(built[0])} images in {out}")


@human_study.command(
    "import",
    epilog=example("human-study import sd_categorized_2_1681234567.json --sets study/sets"),
)
def import_(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="sd_categorized_SET_TIME.json, any number of them."),
    ],
    sets: Sets = SETS,
    annotations: Annotations = ANNOTATIONS,
) -> None:
    """Add annotations made on the page of the paper's authors (lyan62/ErrorAnalysis).

    Its "Number" and "Inconsistent Ref" cannot be told apart: how many may be either is printed.
    """
    from caption_curation.human_study.error_analysis import import_files

    report_import(*import_files(files, sets, annotations))


@human_study.command(epilog=example("human-study analyse --study study --out report"))
def analyse(
    study: Annotated[
        Path, typer.Option(metavar="FOLDER", help="As build makes it, with annotations.")
    ] = HUMAN_STUDY,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Replaced by the report.")
    ] = HUMAN_STUDY_REPORT,
) -> None:
    """Write figures, tables and a page about the annotations of a study.

    stages/human_study/params.yaml says how many annotations an image needs.
    """
    from caption_curation.human_study.parameters import load_human_study
    from caption_curation.reports.human_study.report import summary, write_report

    print(summary(write_report(study, out, load_human_study()), out))

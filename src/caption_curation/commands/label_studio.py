"""``caption-curation label-studio``."""

from pathlib import Path
from typing import Annotated

import typer

from caption_curation.commands.annotate import ANNOTATIONS, SETS, Annotations, Sets
from caption_curation.commands.words import example, flag, report_import

label_studio = typer.Typer(
    help="Annotate in Label Studio instead of on our page.", no_args_is_help=True
)


@label_studio.command("export", epilog=example("label-studio export --set 1 --out label_studio"))
def export(
    number: Annotated[int, typer.Option("--set", metavar="N", help="The number of the set.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where both files go.")],
    images_url: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="What stands before images/NAME; by default /data/local-files/?d=set_N/, Label "
            "Studio's own serving of local files, with the folder of sets as its document root.",
            show_default=False,
        ),
    ] = "",
    without_annotations: Annotated[
        bool, flag("--without-annotations", help="Only the tasks, for new annotators.")
    ] = False,
    sets: Sets = SETS,
    annotations: Annotations = ANNOTATIONS,
) -> None:
    """Write config.xml, the labelling interface, and tasks.json of a set."""
    from caption_curation.human_study.label_studio_files import export_set

    said, notes = export_set(
        sets,
        number,
        None if without_annotations else annotations,
        out,
        images_url or f"/data/local-files/?d=set_{number}/",
    )
    report_import(said, notes)


@label_studio.command("import", epilog=example("label-studio import export.json"))
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Label Studio's JSON export.")],
    sets: Sets = SETS,
    annotations: Annotations = ANNOTATIONS,
) -> None:
    """Add the annotations of Label Studio's JSON export; newer ones of an image count."""
    from caption_curation.human_study.label_studio_files import import_export

    said, notes = import_export(file, sets, annotations)
    report_import(said, notes)

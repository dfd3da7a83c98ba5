"""``caption-curation caption``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from caption_curation.commands.words import EXPERIMENT, check_checkout, flag

if TYPE_CHECKING:
    from caption_curation.exports.recipe import Recipe

DEFAULT = Path("captions.csv")


def caption(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Of the pictures, and of folders of them.")
    ],
    experiment: Annotated[str | None, EXPERIMENT] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="A captioner that export-model wrote, instead of an experiment's; no checkout is "
            "needed then.",
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="To be written: a name that ends in .csv, .json or .jsonl; without an ending, a "
            "folder of the pictures with metadata.jsonl.",
        ),
    ] = DEFAULT,
    skip_broken: Annotated[
        bool, flag("--skip-broken", help="Name pictures that cannot be read, and leave them out.")
    ] = False,
) -> None:
    """Caption a folder of pictures with a finished experiment's best captioner.

    Captions are those that the experiment itself would write: with its prompt, beams and lengths.
    The same command goes on where it was ended.
    """
    if experiment is not None and model is not None:
        raise typer.BadParameter("--experiment and --model do not go together")

    from caption_curation.exports.caption_files import check_out
    from caption_curation.exports.found_pictures import find_pictures
    from caption_curation.exports.recipe import read_recipe, recipe_of

    check_out(out)
    pictures = find_pictures(folder)
    if model is not None:
        _caption(model, read_recipe(model), folder, pictures, out, skip_broken)
        return

    check_checkout()

    from caption_curation.experiments.finished import Repository
    from caption_curation.exports.found import find_experiment, linked_captioner
    from caption_curation.support.dvc_cache import dvc_cache_folder

    found = find_experiment(Repository(Path(), dvc_cache_folder()), experiment)
    recipe = recipe_of(found.experiment, found.profile)
    with linked_captioner(found.experiment) as (files, base):
        _caption(files, recipe, folder, pictures, out, skip_broken, base)


def _caption(
    model: Path,
    recipe: "Recipe",
    folder: Path,
    names: list[str],
    out: Path,
    skip_broken: bool,
    base: Path | None = None,
) -> None:
    import os

    from caption_curation.support.arithmetic import SWITCHES

    if recipe.arithmetic == "portable":  # before the libraries are loaded, which read it once
        os.environ.update(SWITCHES)

    from caption_curation.exports.caption_files import write_captions
    from caption_curation.exports.found_pictures import broken_pictures
    from caption_curation.support.errors import InputError, list_faults

    broken = broken_pictures(folder, names)
    if broken:
        told = [f"{name}: {fault}" for name, fault in broken.items()]
        message = list_faults(f"{folder}: pictures that cannot be read", told)
        if not skip_broken or len(broken) == len(names):
            raise InputError(f"{message}\n--skip-broken leaves them out")
        typer.echo(f"left out: {message}", err=True)

    from caption_curation.exports.captioning import caption_pictures

    good = [name for name in names if name not in broken]
    unfinished = out.with_name(f"{out.name}.unfinished")
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    captions = caption_pictures(model, recipe, folder, good, unfinished, base)
    write_captions(captions, folder, out)
    unfinished.unlink()
    print(f"{len(captions)} captions: {out}")

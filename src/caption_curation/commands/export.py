"""``caption-curation export``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from caption_curation.commands.words import EXPERIMENT, check_checkout


class Form(StrEnum):
    """The forms of an export; ``exports.formats`` has what they are."""

    IMAGE_FOLDER = "image_folder"
    PARQUET = "parquet"
    WEBDATASET = "webdataset"
    COCO = "coco"
    KARPATHY = "karpathy"
    IDS = "ids"


class Split(StrEnum):
    """The splits of a corpus."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


def export(
    epoch: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="The training set that curation left after this epoch, which the next one trains "
            "on; 0: before training.",
        ),
    ],
    form: Annotated[
        Form,
        typer.Option(
            "--format",
            help="image_folder: picture files and a table; parquet: with the pictures inside; "
            "webdataset: tar files; coco, karpathy: JSON and picture files; ids: of the samples "
            "that stay as they were, and no data.",
        ),
    ],
    to: Annotated[
        Path, typer.Option(metavar="FOLDER", help="To be made; it may be there, but empty.")
    ],
    experiment: Annotated[str | None, EXPERIMENT] = None,
    splits: Annotated[
        list[Split] | None,
        typer.Option(
            metavar="SPLIT...",
            help="Of train, val and test; val and test are those of the corpus, which curation "
            "does not touch. Without it: train.",
        ),
    ] = None,
) -> None:
    """Export the training set after an epoch of a finished experiment, with a dataset card.

    Each row has sample and image ids, current and original caption, what changed the sample last
    and when, and of a synthetic picture its prompt, seed and generator. Nothing is checked out or
    run; pictures are read in DVC's cache, and written byte for byte.
    """
    wanted = splits or [Split.TRAIN]
    if Split.TRAIN not in wanted:
        raise typer.BadParameter("--splits without train: the training set is what is exported")
    if form is Form.IDS and set(wanted) != {Split.TRAIN}:
        raise typer.BadParameter("--format ids is of the training split alone: leave --splits out")

    check_checkout()

    from caption_curation.experiments.finished import Repository
    from caption_curation.exports.experiment import curated_set
    from caption_curation.exports.export import check_packages, check_target, write_export
    from caption_curation.support.dvc_cache import dvc_cache_folder

    check_target(to)
    check_packages(form.value)
    repository = Repository(Path(), dvc_cache_folder())
    names = list(dict.fromkeys(split.value for split in wanted))
    contents = curated_set(repository, Path(), experiment, epoch, names)
    write_export(contents, form.value, to)
    for split, rows in contents.splits.items():
        print(f"{split}: {len(rows)} samples, {len(contents.pictures_of(split))} pictures")
    print(to / "README.md")

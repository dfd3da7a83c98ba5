"""``caption-curation export-model``."""

from pathlib import Path
from typing import Annotated

import typer

from caption_curation.commands.words import EXPERIMENT, check_checkout


def export_model(
    to: Annotated[
        Path, typer.Option(metavar="FOLDER", help="To be made; it may be there, but empty.")
    ],
    experiment: Annotated[str | None, EXPERIMENT] = None,
) -> None:
    """Export the best captioner of a finished experiment, with a model card.

    The folder is in the layout of the Hugging Face hub, as transformers reads it; the card says
    what the captioner was trained on, how that was curated, and its scores with intervals. An
    adapter is merged into its base, so that a whole model leaves.
    """
    check_checkout()

    from caption_curation.experiments.finished import Repository
    from caption_curation.exports.captioner import write_captioner
    from caption_curation.exports.export import check_target
    from caption_curation.support.dvc_cache import dvc_cache_folder

    check_target(to)
    repository = Repository(Path(), dvc_cache_folder())
    epoch = write_captioner(repository, Path(), experiment, to)
    print(f"the captioner after epoch {epoch}")
    print(to / "README.md")

"""Captioners that somebody has published: a folder, a model on the hub, or BLIP's checkpoint."""

from pathlib import Path

from caption_curation.captioner.model import REQUIRED_FILES
from caption_curation.config.profile import BlipCheckpoint, HubModel, LocalModel
from caption_curation.support.outputs import atomic_folder


def write_published(
    source: LocalModel | HubModel | BlipCheckpoint, image_size: int, target: Path
) -> None:
    """Write a published captioner in the hub's layout.

    Args:
        source: where it comes from.
        image_size: width and height in pixels that a checkpoint of BLIP is converted for.
        target: the folder, which is replaced as a whole.

    Raises:
        InputError: the model cannot be obtained, lacks parts, or is something else.
    """
    if isinstance(source, BlipCheckpoint):
        from caption_curation.captioner.bases.blip_checkpoint import convert_checkpoint
        from caption_curation.captioner.model.blip import save_captioner

        captioner = convert_checkpoint(source, image_size)
        with atomic_folder(target) as folder:
            save_captioner(captioner, folder)
    else:
        from caption_curation.pretrained import copy_model, obtain_model

        model = obtain_model(source, required=REQUIRED_FILES)
        with atomic_folder(target) as folder:
            copy_model(model, folder, REQUIRED_FILES)

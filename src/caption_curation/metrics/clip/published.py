"""CLIPs that somebody has published: a folder, or a model on the hub."""

from pathlib import Path

from caption_curation.config.profile import HubModel
from caption_curation.metrics.clip import REQUIRED_FILES
from caption_curation.pretrained import is_demo_model, obtain_model


def obtain_clip(source: Path | HubModel) -> Path:
    """The folder of a CLIP, which is whole: it can be loaded.

    Raises:
        InputError: the model cannot be obtained, lacks parts, is damaged, or is something else.
    """
    folder = obtain_model(source, required=REQUIRED_FILES)
    if not is_demo_model(folder, REQUIRED_FILES):
        from caption_curation.compute.devices import prepare_device

        prepare_device()  # before the library is imported, which would print warnings

        import torch

        from caption_curation.metrics.clip.model import load_clip
        from caption_curation.model_loading import refuse_non_finite

        refuse_non_finite(load_clip(folder, torch.device("cpu")).model, folder)
    return folder

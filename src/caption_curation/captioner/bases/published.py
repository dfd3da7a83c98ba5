"""Captioners that somebody has published: a folder, a model on the hub, or BLIP's checkpoint."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from caption_curation.captioner.model import REQUIRED_FILES
from caption_curation.config.inputs import Checkpoint
from caption_curation.config.profile import Adapter, HubModel
from caption_curation.pretrained import copy_model, is_demo_model, obtain_model
from caption_curation.support.errors import InputError
from caption_curation.support.outputs import atomic_folder

if TYPE_CHECKING:
    from caption_curation.captioner.model.captioner import Captioner


def write_published(
    source: Path | HubModel | Checkpoint,
    image_size: int,
    target: Path,
    *,
    instruction: str | None = None,
    adapter: Adapter | None = None,
) -> None:
    """Write a published captioner in the hub's layout.

    Args:
        source: where it comes from.
        image_size: width and height in pixels that a checkpoint of BLIP is converted for, and that
            any other captioner must take.
        target: the folder, which is replaced as a whole.
        instruction: what it will be asked with every picture.
        adapter: that will be trained; ``None``: none.

    Raises:
        InputError: the model cannot be obtained, lacks parts, is damaged, or is something else.
    """
    if isinstance(source, Checkpoint):
        from caption_curation.captioner.bases.blip_checkpoint import convert_checkpoint
        from caption_curation.captioner.model.captioner import save_captioner

        captioner = convert_checkpoint(source, image_size)
        with atomic_folder(target) as folder:
            save_captioner(captioner, folder)
            if instruction is not None or adapter:
                obtain_captioner(folder, image_size, instruction=instruction, adapter=adapter)
    else:
        model = obtain_captioner(source, image_size, instruction=instruction, adapter=adapter)
        with atomic_folder(target) as folder:
            copy_model(model, folder, REQUIRED_FILES)


def obtain_captioner(
    source: Path | HubModel,
    image_size: int,
    *,
    instruction: str | None = None,
    adapter: Adapter | None = None,
) -> Path:
    """The folder of a captioner in the hub's layout, which is whole: it can be loaded.

    Args:
        source: where it comes from.
        image_size: width and height in pixels that it must take.
        instruction, adapter: as for :func:`write_published`.

    Raises:
        InputError: as :func:`write_published`.
    """
    folder = obtain_model(source, required=REQUIRED_FILES)
    known = is_demo_model(folder, REQUIRED_FILES) and _image_size(folder) == image_size
    if not known or instruction is not None or adapter:
        from caption_curation.compute.devices import prepare_device

        prepare_device()  # before the library is imported, which would print warnings

        import torch

        from caption_curation.captioner.model.adapters import new_adapter
        from caption_curation.captioner.model.captioner import load_captioner
        from caption_curation.model_loading import refuse_non_finite

        captioner = load_captioner(folder, image_size, torch.device("cpu"), instruction=instruction)
        refuse_non_finite(captioner.model, folder)
        refuse_unreadable(captioner)
        if adapter:
            new_adapter(captioner, adapter, folder, seed=0)
    return folder


def refuse_unreadable(captioner: "Captioner") -> None:
    """Raise an InputError unless the model reads a picture of the profile's size.

    Which sizes an architecture takes, nothing but reading one tells for all of them.
    """
    import torch
    from PIL import Image
    from torch.utils.data import default_collate

    from caption_curation.captioner.model.captioner import (
        caption_tokens,
        image_transform,
        next_token_logits,
    )

    side = captioner.image_size
    grey = Image.new("RGB", (side, side), (127, 127, 127))
    tokens = caption_tokens(captioner, ["a"], prompt="", max_tokens=4)
    try:
        with torch.inference_mode():
            pixels = default_collate([image_transform(captioner)(grey)])
            next_token_logits(captioner, pixels, tokens)
    except (ValueError, RuntimeError, IndexError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"profile: captioner.image_size = {side}: this model cannot read a picture of that "
            f"size ({type(error).__name__}: {reason}); its configuration says which it takes"
        ) from error


def _image_size(folder: Path) -> int:
    """Width and height in pixels that one of the demo's captioners takes."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return int(config["vision_config"]["image_size"])

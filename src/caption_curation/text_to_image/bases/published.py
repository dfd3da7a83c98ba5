"""Generators that somebody has published: a folder, or a model on the hub."""

import json
from pathlib import Path

from caption_curation.config.profile import HubModel, LocalModel
from caption_curation.pretrained import copy_model, obtain_model
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.bases import OPTIONAL_FILES, PIPELINE, REQUIRED_FILES


def copy_published(source: LocalModel | HubModel, target: Path) -> None:
    """Copy a published generator's parts to a folder, which is created if it is missing.

    Raises:
        InputError: the model cannot be obtained, lacks parts, or is no Stable Diffusion.
    """
    folder = obtain_model(source, required=REQUIRED_FILES, optional=OPTIONAL_FILES)
    index = folder / "model_index.json"
    kind = json.loads(index.read_text(encoding="utf-8")).get("_class_name")
    if kind != PIPELINE:
        raise InputError(f"{index}: _class_name = {kind!r}; allowed: {PIPELINE}")
    copy_model(folder, target, [*REQUIRED_FILES, *OPTIONAL_FILES])

"""Generators that somebody has published: a folder, or a model on the hub."""

from pathlib import Path

from caption_curation.config.profile import HubModel
from caption_curation.model_loading import load_pipeline, named_components, refuse_non_finite
from caption_curation.pretrained import copy_model, is_demo_model, obtain_model, refuse_missing
from caption_curation.support.errors import InputError, list_faults
from caption_curation.text_to_image.bases import COMPONENT_FILES, OPTIONAL_FILES, REQUIRED_FILES
from caption_curation.text_to_image.configuration import check_prediction_type, max_tokens

PARTS = (*REQUIRED_FILES, *OPTIONAL_FILES)


def obtain_generator(source: Path | HubModel) -> Path:
    """The folder of a published generator, which is whole: every part of it can be loaded.

    The safety checker counts too, which is needed only when images are drawn.

    Raises:
        InputError: the model cannot be obtained, lacks parts, is no Stable Diffusion, or its files
            are damaged.
    """
    folder = obtain_model(source, required=REQUIRED_FILES, optional=OPTIONAL_FILES)
    max_tokens(folder)
    if not is_demo_model(folder, PARTS):
        _refuse_absent_components(folder)

        from caption_curation.compute.devices import prepare_device

        prepare_device()  # before the libraries are imported, which would print warnings

        import torch

        pipeline = load_pipeline(folder, dtype=torch.float32)
        check_prediction_type(pipeline.scheduler, folder / "scheduler")
        for name, component in pipeline.components.items():
            if isinstance(component, torch.nn.Module):
                refuse_non_finite(component, folder / name)
    return folder


def copy_published(source: Path | HubModel, target: Path) -> None:
    """Copy a published generator's parts to a folder, which is created if it is missing.

    Raises:
        InputError: as :func:`obtain_generator`.
    """
    copy_model(obtain_generator(source), target, PARTS)


def _refuse_absent_components(folder: Path) -> None:
    """Raise an InputError if components that ``model_index.json`` names are not there."""
    named, index = named_components(folder), folder / "model_index.json"
    unknown = sorted(named.keys() - COMPONENT_FILES)
    if unknown:
        faults = [f'"{name}": [null, null] leaves it out' for name in unknown]
        raise InputError(list_faults(f"{index} names components that are not supported", faults))
    refuse_missing(
        folder,
        [f"{name}/{file}" for name in named for file in COMPONENT_FILES[name]],
        f'{index} names components (in a folder, "NAME": [null, null] leaves one out); {folder}',
    )

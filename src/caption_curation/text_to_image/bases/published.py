"""Generators that somebody has published: a folder, or a model on the hub."""

from pathlib import Path

from caption_curation.config.profile import HubModel
from caption_curation.model_loading import (
    PIPELINE,
    load_pipeline,
    named_components,
    refuse_non_finite,
)
from caption_curation.pretrained import copy_model, is_demo_model, obtain_model, refuse_missing
from caption_curation.support.errors import InputError, list_faults
from caption_curation.text_to_image.bases import (
    COMPONENT_FILES,
    OPTIONAL_FILES,
    REQUIRED_FILES,
    files_of_component,
)
from caption_curation.text_to_image.configuration import check_prediction_type
from caption_curation.text_to_image.family import GENERATORS, NOISE_SAMPLERS, abilities_of

ADAPTERS = "adapter"  # folder of what fine-tuning here has added


def obtain_generator(source: Path | HubModel) -> Path:
    """The folder of a published generator, which is whole: every part of it can be loaded.

    The safety checker counts too, which is needed only when images are drawn.

    Raises:
        InputError: the model cannot be obtained, lacks parts, is of no known family, or its files
            are damaged.
    """
    folder = obtain_model(source, required=("model_index.json",))
    required, optional = _parts(folder)
    folder = obtain_model(source, required=required, optional=optional)
    able = abilities_of(folder)
    if (folder / ADAPTERS).exists():
        raise InputError(
            f"{folder / ADAPTERS}: a generator that was fine-tuned with an adapter cannot be the "
            "base of another; fuse it into the denoiser's weights, and save the pipeline"
        )
    if not is_demo_model(folder, (*required, *optional)):
        if able.pipeline == PIPELINE:
            _refuse_absent_components(folder)

        from caption_curation.compute.devices import prepare_device

        prepare_device()  # before the libraries are imported, which would print warnings

        import torch

        # Those of ten billion weights would not fit into memory in 32 bits, to be looked at only.
        dtype = torch.float32 if able.pipeline == PIPELINE else torch.bfloat16
        pipeline = load_pipeline(folder, kind=able.pipeline, dtype=dtype)
        if able.samplers == NOISE_SAMPLERS:
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
    folder = obtain_generator(source)
    required, optional = _parts(folder)
    copy_model(folder, target, (*required, *optional))


def _parts(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a generator consists of, as :func:`~.pretrained.obtain_model` has it."""
    family = GENERATORS.load(GENERATORS.name(folder))
    if family.PIPELINE == PIPELINE:
        return REQUIRED_FILES, OPTIONAL_FILES
    parts = [
        file
        for name, (library, _) in named_components(folder, family.PIPELINE).items()
        for file in files_of_component(name, library)
    ]
    return ("model_index.json", *parts), ()


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

"""Obtain the text-to-image generator that fine-tuning starts from."""

import json
from pathlib import Path

from caption_curation.errors import InputError
from caption_curation.outputs import built_folder
from caption_curation.params import Generator, HubModel, LocalModel, ScratchGenerator, load_params
from stages import run
from stages.paths import BASE_GENERATOR, GENERATOR_CORPUS

PIPELINE = "StableDiffusionPipeline"
REQUIRED_PARTS = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/tokenizer.json|tokenizer/vocab.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
)
OPTIONAL_PARTS = ("safety_checker/model.safetensors",)


def main() -> None:
    """Write data/base_generator in the hub's layout: from scratch, a folder or the hub."""
    section = load_params().profile.generator
    with built_folder(BASE_GENERATOR) as folder:
        if isinstance(section.base, ScratchGenerator):
            _build(section, section.base, folder)
        else:
            _copy(section.base, folder)


def _build(section: Generator, size: ScratchGenerator, target: Path) -> None:
    from caption_curation.devices import prepare_device
    from caption_curation.samples import read_images
    from caption_curation.scratch_generator import build_generator

    prepare_device()
    images = read_images(GENERATOR_CORPUS / "train.jsonl")
    generator = build_generator(size, images, GENERATOR_CORPUS / "images", section.image_size)
    generator.save_pretrained(target)


def _copy(source: LocalModel | HubModel, target: Path) -> None:
    from caption_curation.model_sources import copy_model, obtain_model

    folder = obtain_model(source, required=REQUIRED_PARTS, optional=OPTIONAL_PARTS)
    index = folder / "model_index.json"
    kind = json.loads(index.read_text(encoding="utf-8")).get("_class_name")
    if kind != PIPELINE:
        raise InputError(f"{index}: _class_name = {kind!r}; allowed: {PIPELINE}")
    copy_model(folder, target, [*REQUIRED_PARTS, *OPTIONAL_PARTS])


if __name__ == "__main__":
    run(main)

"""Pretrain the demo's base generator on the shifted world."""

import shutil
from pathlib import Path

import torch

from caption_curation.compute.devices import prepare_device
from caption_curation.config.pretraining import load_pretraining
from caption_curation.model_loading import load_pipeline
from caption_curation.samples import read_images
from caption_curation.text_to_image.fine_tuning.latent_files import encode_corpus
from caption_curation.text_to_image.fine_tuning.training import fine_tune
from stages import run
from stages.pretrain import GENERATOR, UNTRAINED_GENERATOR, WORLDS

LATENTS = Path("data/pretrain/latents")
FULL_PRECISION = Path("data/pretrain/full_precision_generator")
CHECKPOINT_STEPS = 500


def main() -> None:
    """Write data/pretrain/generator, in half precision to keep the repository small."""
    params = load_pretraining()
    images = read_images(WORLDS / "shifted.jsonl")
    device = prepare_device()
    encode_corpus(
        UNTRAINED_GENERATOR,
        [WORLDS / image.file_name for image in images],
        LATENTS,
        image_size=params.world.image_size,
        device=device,
    )
    fine_tune(
        UNTRAINED_GENERATOR,
        FULL_PRECISION,
        images,
        LATENTS,
        params.generator.training,
        seed=params.generator.training.seed,
        device=device,
        checkpoints=Path("data/pretrain/checkpoints"),
        checkpoint_steps=CHECKPOINT_STEPS,
    )
    load_pipeline(FULL_PRECISION, dtype=torch.float16).save_pretrained(GENERATOR)
    shutil.rmtree(FULL_PRECISION)
    shutil.rmtree(LATENTS)


if __name__ == "__main__":
    run(main, check_versions=True)

"""Pretrain the demo's base generator on the shifted world."""

import shutil
from pathlib import Path

from caption_curation.devices import prepare_device
from caption_curation.generator_training import fine_tune
from caption_curation.pretraining import load_pretraining
from caption_curation.samples import read_images
from stages import run
from stages.pretrain import MODELS, UNTRAINED_GENERATOR, WORLDS

TRAINED = Path("data/pretrain/trained_generator")
CHECKPOINT_STEPS = 500


def main() -> None:
    """Write data/demo_models/generator, in half precision to keep the repository small."""
    params = load_pretraining()
    fine_tune(
        UNTRAINED_GENERATOR,
        TRAINED,
        read_images(WORLDS / "shifted.jsonl"),
        WORLDS,
        params.generator.training,
        image_size=params.world.image_size,
        device=prepare_device(),
        checkpoints=Path("data/pretrain/checkpoints"),
        checkpoint_steps=CHECKPOINT_STEPS,
    )
    import torch
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(TRAINED, torch_dtype=torch.float16)
    shutil.rmtree(MODELS / "generator", ignore_errors=True)
    pipeline.save_pretrained(MODELS / "generator")


if __name__ == "__main__":
    run(main)

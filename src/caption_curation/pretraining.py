"""Pretraining of the demo's base models: what stages/pretrain/params.yaml holds, validated."""

from pathlib import Path

from caption_curation.params import (
    Count,
    FineTuning,
    GeneratorFineTuning,
    Natural,
    Positive,
    ScratchCaptioner,
    ScratchGenerator,
    Section,
    Training,
    load_section,
)

PARAMS_FILE = Path("stages/pretrain/params.yaml")


class World(Section):
    """How many images are drawn of the shifted world, and of the demo's for the autoencoder."""

    seed: Natural
    shifted_images: Count
    demo_images: Count
    image_size: Count


class CaptionerPretraining(Section):
    """The base captioner."""

    seed: Natural
    base: ScratchCaptioner
    training: Training
    fine_tuning: FineTuning


class TextEncoderPretraining(Section):
    """Training of the text encoder to tell what a prompt says."""

    seed: Natural
    steps: Count
    batch_size: Count
    learning_rate: Positive


class GeneratorPretraining(Section):
    """The base generator."""

    base: ScratchGenerator
    text_encoder: TextEncoderPretraining
    training: GeneratorFineTuning


class Pretraining(Section):
    """The values of stages/pretrain/params.yaml."""

    world: World
    captioner: CaptionerPretraining
    generator: GeneratorPretraining


def load_pretraining() -> Pretraining:
    """Read and validate stages/pretrain/params.yaml.

    Raises:
        InvalidParams: with a line for every fault.
    """
    return load_section(Pretraining, PARAMS_FILE)

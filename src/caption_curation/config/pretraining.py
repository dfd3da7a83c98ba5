"""Pretraining of the demo's base models: what stages/pretrain/params.yaml holds, validated."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from caption_curation.config.experiment import Training
from caption_curation.config.profile import (
    FineTuning,
    GeneratorFineTuning,
    ScratchCaptioner,
    ScratchGenerator,
)
from caption_curation.support.sections import Count, Natural, Positive, Section, load_section

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


class SentenceEncoderPretraining(Section):
    """The sentence encoder; a step takes two captions of each of ``batch_size`` images."""

    seed: Natural
    vocabulary_size: Count
    hidden_size: Count
    layers: Count
    heads: Count
    max_tokens: Count
    steps: Count
    batch_size: Count
    learning_rate: Positive


class ClipSize(Section):
    """Size of a CLIP that is made from nothing; ``projection``: dimensions of its vectors."""

    hidden_size: Count
    heads: Count
    text_layers: Count
    vision_layers: Count
    patch_size: Count
    projection: Count
    vocabulary_size: Annotated[int, Field(ge=600)]


class ClipTraining(Section):
    """Contrastive training of a CLIP."""

    steps: Count
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: Positive
    weight_decay: Annotated[float, Field(ge=0)]


class ClipPretraining(Section):
    """The CLIP of the demo's CLIPScore."""

    seed: Natural
    size: ClipSize
    training: ClipTraining


class Pretraining(Section):
    """The values of stages/pretrain/params.yaml."""

    world: World
    captioner: CaptionerPretraining
    generator: GeneratorPretraining
    sentence_encoder: SentenceEncoderPretraining
    clip: ClipPretraining


def load_pretraining() -> Pretraining:
    """Read and validate stages/pretrain/params.yaml.

    Raises:
        InvalidParams: with a line for every fault.
    """
    return load_section(Pretraining, PARAMS_FILE)

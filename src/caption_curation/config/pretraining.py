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
    """Decides all scenes and captions."""
    shifted_images: Count
    """Images of the shifted world, which the base models learn."""
    demo_images: Count
    """Clean images of the demo's own world, for autoencoder, text encoder and tokenizers."""
    image_size: Count
    """Width and height of an image, in pixels."""


class CaptionerPretraining(Section):
    """The base captioner."""

    seed: Natural
    """Of shuffling, augmentation and dropout."""
    base: ScratchCaptioner
    """What training starts from."""
    training: Training
    """Epochs, schedule and prompt."""
    fine_tuning: FineTuning
    """The optimizer and what it is fed."""


class TextEncoderPretraining(Section):
    """Training of the text encoder to tell what a prompt says."""

    seed: Natural
    """Of its random weights and of shuffling."""
    steps: Count
    """Steps of the optimizer."""
    batch_size: Count
    """Prompts per step."""
    learning_rate: Positive
    """Of the optimizer."""


class DenoiserPretraining(GeneratorFineTuning):
    """Training of the denoiser, as it is fine-tuned later."""

    seed: Natural
    """Of shuffling, noise, timesteps and caption dropout."""


class GeneratorPretraining(Section):
    """The base generator."""

    base: ScratchGenerator
    """Autoencoder, text encoder and denoiser."""
    text_encoder: TextEncoderPretraining
    """Training of the text encoder, which is frozen afterwards."""
    training: DenoiserPretraining
    """Training of the denoiser."""


class SentenceEncoderPretraining(Section):
    """The sentence encoder; a step takes two captions of each of ``batch_size`` images."""

    seed: Natural
    """Of its random weights and of shuffling."""
    vocabulary_size: Count
    """Most word pieces that the tokenizer may have."""
    hidden_size: Count
    """Width of the layers, and dimensions of an embedding; a multiple of `heads`."""
    layers: Count
    """Number of transformer layers."""
    heads: Count
    """Attention heads of each layer."""
    max_tokens: Count
    """Tokens of a caption that are read."""
    steps: Count
    """Steps of the optimizer."""
    batch_size: Count
    """Images per step, with two captions each."""
    learning_rate: Positive
    """Of the optimizer."""


class ClipSize(Section):
    """Size of a CLIP that is made from nothing; ``projection``: dimensions of its vectors."""

    hidden_size: Count
    """Width of the layers of both encoders; a multiple of `heads`."""
    heads: Count
    """Attention heads of each layer."""
    text_layers: Count
    """Transformer layers of the text encoder."""
    vision_layers: Count
    """Transformer layers of the image encoder."""
    patch_size: Count
    """Width and height of a patch, in pixels; divides the image's size."""
    projection: Count
    """Dimensions of its vectors."""
    vocabulary_size: Annotated[int, Field(ge=600)]
    """Tokens of the byte-pair encoding; its bytes alone take over 500."""


class ClipTraining(Section):
    """Contrastive training of a CLIP."""

    steps: Count
    """Steps of the optimizer."""
    batch_size: Annotated[int, Field(ge=2)]
    """Pairs per step; each caption is told apart from those of the others."""
    learning_rate: Positive
    """AdamW's."""
    weight_decay: Annotated[float, Field(ge=0)]
    """AdamW's."""


class ClipPretraining(Section):
    """The CLIP of the demo's CLIPScore."""

    seed: Natural
    """Of its random weights and of shuffling."""
    size: ClipSize
    """Size of both encoders."""
    training: ClipTraining
    """How it is trained."""


class Pretraining(Section):
    """The values of stages/pretrain/params.yaml."""

    world: World
    """The demo worlds."""
    captioner: CaptionerPretraining
    """The base captioner."""
    generator: GeneratorPretraining
    """The base generator."""
    sentence_encoder: SentenceEncoderPretraining
    """The Sentence-BERT of `prompt.mode: sbert`."""
    clip: ClipPretraining
    """The CLIP of CLIPScore."""


def load_pretraining() -> Pretraining:
    """Read and validate stages/pretrain/params.yaml.

    Raises:
        InvalidParams: with a line for every fault.
    """
    return load_section(Pretraining, PARAMS_FILE)

"""What ``profiles/<profile>.yaml`` holds: data, models and sizes."""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator

from caption_curation.support.sections import Count, Fraction, Natural, Positive, Section


class SplitSizes(Section):
    """Number of images per split."""

    train: Count
    val: Natural
    test: Natural


class PlantedNoise(Section):
    """Rates of planted noise; see :mod:`caption_curation.demo_world.world`."""

    wrong_caption: Fraction
    mismatched_image: Fraction
    long_caption: Fraction


class DemoWorldSource(Section):
    """Procedurally drawn scenes with captions."""

    source: Literal["demo_world"]
    seed: Natural
    image_size: Annotated[int, Field(ge=32)]
    images: SplitSizes
    noise: PlantedNoise


class KarpathySource(Section):
    """A Karpathy-style JSON file and a folder of images (COCO, Flickr8k, Flickr30k)."""

    source: Literal["karpathy"]
    root: Annotated[str, Field(min_length=1)]
    annotations: Annotated[str, Field(min_length=1)]
    images: str


class CaptionerDemoWorld(DemoWorldSource):
    """The captioner's demo world.

    ``train_fraction`` of the training images are trained on (the few-shot setting), chosen by
    ``seed`` as :func:`caption_curation.corpora.few_shot.training_subset` does.
    """

    train_fraction: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def _leaves_an_image(self) -> Self:
        if self.train_fraction * self.images.train < 1 - 1e-9:
            raise ValueError(
                f"train_fraction ({self.train_fraction}) of {self.images.train} training images "
                f"is none; allowed: at least {1 / self.images.train:.2g}"
            )
        return self


class CaptionerKarpathy(KarpathySource):
    """The captioner's photographs; ``seed`` chooses the ``train_fraction`` that is trained on."""

    seed: Natural
    train_fraction: Annotated[float, Field(gt=0, le=1)]


class SameCorpusSource(Section):
    """The generator is fine-tuned on the captioner's own corpus.

    That is the whole training split, whatever ``data.train_fraction``: a sweep over it shares one
    generator and all its images.
    """

    source: Literal["same"]


class VisionSize(Section):
    """Size of a BLIP image encoder that is made from scratch."""

    hidden_size: Count
    layers: Count
    heads: Count
    patch_size: Count


class TextSize(Section):
    """Size of a BLIP text decoder that is made from scratch."""

    hidden_size: Count
    layers: Count
    heads: Count
    dropout: Annotated[float, Field(ge=0, lt=1)]


class ScratchCaptioner(Section):
    """A BLIP with random weights and a tokenizer trained on the corpus's captions."""

    source: Literal["scratch"]
    seed: Natural
    vocabulary_size: Annotated[int, Field(ge=100)]
    initializer_range: Positive
    vision: VisionSize
    text: TextSize


class LocalModel(Section):
    """A directory in the hub's file layout."""

    source: Literal["local"]
    path: Annotated[str, Field(min_length=1)]


class HubModel(Section):
    """A model on the Hugging Face hub, at a pinned commit."""

    source: Literal["hub"]
    id: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


class BlipCheckpoint(Section):
    """A file that salesforce/BLIP publishes; :mod:`~caption_curation.captioner.bases` reads it.

    ``sha256: null`` accepts any file. The tokenizer is BERT's, for its ``vocab.txt``.
    """

    source: Literal["blip_checkpoint"]
    path: Annotated[str, Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None
    tokenizer: Annotated[LocalModel | HubModel, Field(discriminator="source")]


class RandAugment(Section):
    """Random operations on a whole image (:mod:`~.captioner.training.rand_augment`)."""

    operations: Count
    magnitude: Annotated[int, Field(ge=0, le=10)]


class Augmentation(Section):
    """Random changes of training images: area kept by the random crop, mirror images, RandAugment.

    They are made in this order; ``rand_augment: null`` makes none of the last.
    """

    smallest_crop: Annotated[float, Field(gt=0, le=1)]
    horizontal_flip: StrictBool
    rand_augment: RandAugment | None


class FineTuning(Section):
    """Fine-tuning of the captioner, as far as it must fit the model and the data."""

    batch_size: Count
    learning_rate: Positive
    weight_decay: Annotated[float, Field(ge=0)]
    max_tokens: Annotated[int, Field(ge=2)]
    augmentation: Augmentation


class Captioner(Section):
    """The image-to-text model."""

    base: Annotated[
        ScratchCaptioner | LocalModel | HubModel | BlipCheckpoint, Field(discriminator="source")
    ]
    image_size: Annotated[int, Field(ge=8)]
    fine_tuning: FineTuning
    inference_batch_size: Count


class AutoencoderSize(Section):
    """Size and training of an image autoencoder that is made from scratch."""

    channels: Annotated[list[Count], Field(min_length=1)]
    latent_channels: Count
    steps: Count
    batch_size: Count
    learning_rate: Positive


class TextEncoderSize(Section):
    """Size of a CLIP text encoder that is made from scratch."""

    hidden_size: Count
    layers: Count
    heads: Count
    vocabulary_size: Annotated[int, Field(ge=600)]


class UNetSize(Section):
    """Size of a denoising network that is made from scratch."""

    channels: Annotated[list[Count], Field(min_length=2)]
    heads: Count


class ScratchGenerator(Section):
    """A Stable Diffusion with a random denoiser and an autoencoder trained on the corpus."""

    source: Literal["scratch"]
    seed: Natural
    autoencoder: AutoencoderSize
    text_encoder: TextEncoderSize
    unet: UNetSize


class GeneratorFineTuning(Section):
    """Fine-tuning of the generator (paper, section 4.2)."""

    seed: Natural
    steps: Natural
    batch_size: Count
    learning_rate: Positive
    warmup_steps: Natural
    schedule: Literal["constant", "cosine"]
    ema_decay: Annotated[float, Field(ge=0, lt=1)]
    gradient_clipping: Positive
    caption_dropout: Fraction
    prompt_mode: Literal["single", "concat", "mixed"]


class Generator(Section):
    """The text-to-image model."""

    base: Annotated[ScratchGenerator | LocalModel | HubModel, Field(discriminator="source")]
    image_size: Annotated[int, Field(ge=8)]
    fine_tuning: GeneratorFineTuning
    checkpoint_steps: Count
    synthesis_batch_size: Count
    jpeg_quality: Annotated[int, Field(ge=1, le=100)]


# Only the captioner's corpus has a fraction: the generator is fine-tuned once (paper, section 4.2),
# and experiments of all fractions share it and its images.
DataSource = Annotated[CaptionerDemoWorld | CaptionerKarpathy, Field(discriminator="source")]
GeneratorDataSource = Annotated[
    DemoWorldSource | KarpathySource | SameCorpusSource, Field(discriminator="source")
]


class Profile(Section):
    """The setting that an experiment runs in: data, models and sizes."""

    data: DataSource
    generator_data: GeneratorDataSource
    captioner: Captioner
    generator: Generator
    sentence_encoder: Annotated[LocalModel | HubModel, Field(discriminator="source")]
    clip: Annotated[LocalModel | HubModel, Field(discriminator="source")] | None

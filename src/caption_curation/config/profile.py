"""What ``profiles/<profile>.yaml`` holds: data, models and sizes."""

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from caption_curation.config.corpora import (
    CaptionerDemoWorld,
    CaptionerKarpathy,
    DemoWorldSource,
    SameCorpusSource,
)
from caption_curation.config.corpus_forms import (
    CaptionerCoco,
    CaptionerCsv,
    CaptionerHub,
    CaptionerImageFolder,
    CaptionerParquet,
    CaptionerWebDataset,
    CorpusSource,
)
from caption_curation.config.experiment import Joining
from caption_curation.curation.settings import CurationDetails
from caption_curation.support.sections import Count, FileName, Fraction, Natural, Positive, Section


class VisionSize(Section):
    """Size of a BLIP image encoder that is made from scratch."""

    hidden_size: Count
    """Width of the layers; a multiple of `heads`."""
    layers: Count
    """Number of transformer layers."""
    heads: Count
    """Attention heads of each layer."""
    patch_size: Count
    """Width and height of a patch, in pixels; divides the image's size."""


class TextSize(Section):
    """Size of a BLIP text decoder that is made from scratch."""

    hidden_size: Count
    """Width of the layers; a multiple of `heads`."""
    layers: Count
    """Number of transformer layers."""
    heads: Count
    """Attention heads of each layer."""
    dropout: Annotated[float, Field(ge=0, lt=1)]
    """Probability with which a unit is dropped in training."""


class ScratchCaptioner(Section):
    """A BLIP with random weights and a tokenizer trained on the corpus's captions."""

    source: Literal["scratch"]
    """A BLIP with random weights, and a tokenizer trained on the captions of the corpus."""
    seed: Natural
    """Of the random weights."""
    vocabulary_size: Annotated[int, Field(ge=100)]
    """Most word pieces that the tokenizer may have."""
    initializer_range: Positive
    """Standard deviation of the random weights. BLIP's own default for its image encoder, 1e-10,
    does not train.
    """
    vision: VisionSize
    """Size of the image encoder."""
    text: TextSize
    """Size of the text decoder."""


class LocalModel(Section):
    """A directory in the hub's file layout."""

    source: Literal["local"]
    """A folder with a model in the layout of the Hugging Face hub, with safetensors weights, that
    `inputs` in params.yaml names.
    """


class HubModel(Section):
    """A model on the Hugging Face hub, at a pinned commit."""

    source: Literal["hub"]
    """A model on the Hugging Face hub, downloaded once; safetensors weights only."""
    id: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    """`OWNER/NAME` on the hub."""
    revision: Annotated[str, Field(pattern=r"^([0-9a-f]{40}|unverified)$")]
    """The full commit, 40 hexadecimal digits. `unverified`: whoever wrote the profile could not
    look it up, and nothing is downloaded until it is written down.
    """

    @property
    def unpinned(self) -> str | None:
        """What to do before the model is downloaded, if its commit is not written down."""
        if self.revision != "unverified":
            return None
        return (
            f"model {self.id}: revision = unverified: look at https://huggingface.co/{self.id}/"
            "commits/main, and write the 40 digits of the commit that you mean into the profile"
        )


class BlipCheckpoint(Section):
    """A file that salesforce/BLIP publishes; :mod:`~caption_curation.captioner.bases` reads it.

    ``sha256: null`` accepts any file. The tokenizer is BERT's, for its ``vocab.txt``.
    """

    source: Literal["blip_checkpoint"]
    """A `.pth` file as salesforce/BLIP publishes it; only its tensors and plain values are read."""
    file: FileName
    """Name of the file; `inputs.captioner` in params.yaml says where it lies."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None
    """What the file must hash to, 64 hexadecimal digits; `null` accepts any file, and the stage
    prints its hash.
    """
    tokenizer: Annotated[LocalModel | HubModel, Field(discriminator="source")]
    """A model with BERT's `vocab.txt`."""


# Shared with the functions that follow them.
Autocontrast = Literal["stretch", "whiten"]
LastBatch = Literal["train", "drop"]
BeamLength = Literal["caption", "caption_and_prompt"]
BestEpoch = Literal["cider", "cider_and_bleu_4"]


class RandAugment(Section):
    """Random operations on a whole image (:mod:`~.captioner.training.rand_augment`)."""

    operations: Count
    """Operations applied to each image, one after the other."""
    magnitude: Annotated[int, Field(ge=0, le=10)]
    """Strength of the operations."""
    autocontrast: Autocontrast
    """What AutoContrast makes of a colour channel: `stretch`: its values are spread over 0 to 255;
    `whiten`: likewise if its darkest value is 0, and otherwise it becomes white, by an overflow in
    BLIP's released code.
    """


class Augmentation(Section):
    """Random changes of training images: area kept by the random crop, mirror images, RandAugment.

    They are made in this order; ``rand_augment: null`` makes none of the last.
    """

    smallest_crop: Annotated[float, Field(gt=0, le=1)]
    """Smallest share of an image's area that a random crop keeps; 1: the whole image."""
    horizontal_flip: StrictBool
    """Whether half of the images are mirrored."""
    rand_augment: RandAugment | None
    """RandAugment after cropping and mirroring; `null`: none."""


class Adapter(Section):
    """LoRA (Hu et al. 2021): low-rank matrices are trained beside weights that stay as they are."""

    rank: Count
    """Rank of the matrices."""
    alpha: Positive
    """Their product is scaled by alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)]
    """Probability with which an input of theirs is dropped in training."""
    target_modules: Annotated[list[str], Field(min_length=1)]
    """Last parts of the names of the linear layers that get one, such as `q_proj`."""


class FineTuning(Section):
    """Fine-tuning of the captioner, as far as it must fit the model and the data."""

    batch_size: Count
    """Samples per step of the optimizer, of all processes together."""
    last_batch: LastBatch
    """An epoch's last batch, where too few samples are left to fill it: `train` on it, or `drop`
    it, as BLIP does; which samples it has changes with every epoch.
    """
    learning_rate: Positive
    """AdamW's, of the first epoch."""
    weight_decay: Annotated[float, Field(ge=0)]
    """AdamW's."""
    max_tokens: Annotated[int, Field(ge=2)]
    """Tokens of a caption that are trained on and scored; longer captions are cut."""
    augmentation: Augmentation
    """Random changes of training images."""


class CaptionerFineTuning(FineTuning):
    """Fine-tuning of a captioner of any family."""

    adapter: Adapter | None
    """Weights that are trained, cached and shared in place of the model's own, for models that are
    too large to be trained whole; `null`: the whole model is trained.
    """


class Captioner(Section):
    """The image-to-text model."""

    base: Annotated[
        ScratchCaptioner | LocalModel | HubModel | BlipCheckpoint, Field(discriminator="source")
    ]
    """What fine-tuning starts from."""
    image_size: Annotated[int, Field(ge=8)]
    """Width and height that every image is resized to, in pixels."""
    instruction: str | None
    """What the model is asked with every image, in its chat template if it has one, such as
    `Describe the image in one sentence.` or Florence-2's `<CAPTION>`; `null`: nothing, as for BLIP.
    Its answer begins with `training.prompt`.
    """
    fine_tuning: CaptionerFineTuning
    """How the captioner is trained."""
    checkpoint_steps: Count
    """Steps between two checkpoints within an epoch; training that was killed goes on from the
    last. An epoch of no more steps has none.
    """
    beam_length: BeamLength
    """Tokens that beam search divides a caption's log probability by: `caption`: what is generated,
    the end token included; `caption_and_prompt`: start token, prompt and caption, no end token, as
    BLIP's transformers 4.15 did. Captions of the second are shorter.
    """
    best_epoch: BestEpoch
    """The validation score whose highest value says which epoch's captioner is tested: `cider`, or
    `cider_and_bleu_4`: CIDEr (0 to 10) plus BLEU-4 (0 to 1), as in BLIP.
    """
    inference_batch_size: Count
    """Images captioned or scored at a time: the machine's matter, for which no stage runs again."""


class AutoencoderSize(Section):
    """Size and training of an image autoencoder that is made from scratch."""

    channels: Annotated[list[Count], Field(min_length=1)]
    """Channels of each block; every block after the first halves width and height."""
    latent_channels: Count
    """Channels of a latent image."""
    steps: Count
    """Steps of training."""
    batch_size: Count
    """Images per step."""
    learning_rate: Positive
    """Of its training."""


class TextEncoderSize(Section):
    """Size of a CLIP text encoder that is made from scratch."""

    hidden_size: Count
    """Width of the layers; a multiple of `heads`."""
    layers: Count
    """Number of transformer layers."""
    heads: Count
    """Attention heads of each layer."""
    vocabulary_size: Annotated[int, Field(ge=600)]
    """Tokens of the byte-pair encoding; its bytes alone take over 500."""


class UNetSize(Section):
    """Size of a denoising network that is made from scratch."""

    channels: Annotated[list[Count], Field(min_length=2)]
    """Channels of each block."""
    heads: Count
    """Attention heads."""


class ScratchGenerator(Section):
    """A Stable Diffusion with a random denoiser and an autoencoder trained on the corpus."""

    source: Literal["scratch"]
    """A Stable Diffusion with a random denoiser, and an autoencoder trained on the corpus."""
    seed: Natural
    """Of random weights and of the autoencoder's training."""
    autoencoder: AutoencoderSize
    """The network between pixels and latents."""
    text_encoder: TextEncoderSize
    """A CLIP text encoder."""
    unet: UNetSize
    """The denoising network."""


class GeneratorAdapter(Section):
    """A low-rank adapter (LoRA) of the generator's denoising network.

    It has no dropout: its random masks would differ with the number of processes.
    """

    rank: Count
    """Rank of the product of two matrices that is added to each adapted one."""
    alpha: Positive
    """The product is scaled by `alpha` / `rank`."""
    target_modules: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    """Names of the layers that are adapted, or their ends after a full stop, for instance `to_q`.
    """


class GeneratorFineTuning(Section):
    """Fine-tuning of the generator (paper, section 3.3)."""

    steps: Natural
    """Steps of the optimizer; 0 leaves the generator as it is."""
    batch_size: Count
    """Images per step, of all processes together."""
    learning_rate: Positive
    """AdamW's, at its highest."""
    adapter: GeneratorAdapter | None
    """Train a low-rank adapter of the denoising network alone; `null`: train all of the network."""
    warmup_steps: Natural
    """Steps in which the learning rate rises from zero."""
    schedule: Literal["constant", "cosine"]
    """Learning rate after warming up: `constant`, or falling to zero along a `cosine`."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)]
    """Share that a moving average of the weights keeps at each step (less in the first steps). The
    average is the result; with 0 it is the last weights.
    """
    gradient_clipping: Positive
    """Largest norm of the gradient; longer ones are scaled down to it."""
    caption_dropout: Fraction
    """Share of captions that are replaced by an empty one, for classifier-free guidance."""
    prompt_mode: Literal["single", "concat", "mixed"]
    """Captions that the generator learns from: `single`: one of the image's; `concat`: all, joined;
    `mixed`: 70 % all, 30 % one.
    """
    prompt_joining: Joining
    """How these captions are joined, as `prompt.joining` says of those that images are drawn from;
    there is no styler.
    """


class Generator(Section):
    """The text-to-image model."""

    base: Annotated[ScratchGenerator | LocalModel | HubModel, Field(discriminator="source")]
    """What fine-tuning starts from."""
    image_size: Annotated[int, Field(ge=8)]
    """Width and height of a synthetic image, in pixels."""
    fine_tuning: GeneratorFineTuning
    """How the generator is trained."""
    checkpoint_steps: Count
    """Steps between two checkpoints; fine-tuning that was killed goes on from the last."""
    synthesis_batch_size: Count
    """Images drawn at a time: the machine's matter, for which no stage runs again."""
    jpeg_quality: Annotated[int, Field(ge=1, le=100)]
    """Quality that synthetic images are stored in."""


# Only the captioner's corpus has a fraction: the generator is fine-tuned once (paper, section 3.3),
# and experiments of all fractions share it and its images.
DataSource = Annotated[
    CaptionerDemoWorld
    | CaptionerKarpathy
    | CaptionerCoco
    | CaptionerCsv
    | CaptionerImageFolder
    | CaptionerWebDataset
    | CaptionerParquet
    | CaptionerHub,
    Field(discriminator="source"),
]
GeneratorDataSource = Annotated[
    DemoWorldSource | CorpusSource | SameCorpusSource, Field(discriminator="source")
]


class Profile(Section):
    """The setting that an experiment runs in: data, models and sizes."""

    data: DataSource
    """The captioner's corpus."""
    generator_data: GeneratorDataSource
    """The corpus that the generator is fine-tuned on."""
    curation: CurationDetails
    """What the paper leaves open about curation."""
    captioner: Captioner
    """The image-to-text model."""
    generator: Generator
    """The text-to-image model."""
    sentence_encoder: Annotated[LocalModel | HubModel, Field(discriminator="source")]
    """The Sentence-BERT of `prompt.mode: sbert`, read only where a prompt needs it."""
    clip: Annotated[LocalModel | HubModel, Field(discriminator="source")] | None
    """The CLIP of CLIPScore; `null`: none, and no CLIPScore."""

"""``params.yaml`` and a profile, validated before anything expensive runs.

``params.yaml`` holds the experiment; ``profiles/<profile>.yaml`` holds the setting it runs in:
data, models and sizes. This module only accepts or refuses values, it never changes or adds one,
so there is no default here: the two files are the one place where a value stands.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    field_validator,
    model_validator,
)

from caption_curation.errors import InputError

PARAMS_FILE = Path("params.yaml")
PROFILES_FOLDER = Path("profiles")
LONGEST_TRAINING = 8  # epochs; the length of the table in stages/epochs/dvc.yaml

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]


class InvalidParams(InputError):
    """``params.yaml`` or the profile holds values that are not allowed; lists every fault."""


class Section(BaseModel):
    """A part of the parameters: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


# ---------------------------------------------------------------- params.yaml


class Curation(Section):
    """Which samples are curated, and how (paper, section 3)."""

    method: Literal["none", "remove", "replace_caption", "replace_image"]
    schedule: Literal["dynamic", "static"]
    score: Literal["loss_mean", "loss_sum", "random"]
    rule: Literal["top_fraction", "mean_std"]
    ratio: Annotated[float, Field(gt=0, le=1)]
    std: Annotated[float, Field(ge=0)]
    pair_with: Literal["keep", "random_easier", "easiest"]

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        reads_ratio = self.rule == "top_fraction" or self.schedule == "static"
        if self.method == "remove" and reads_ratio and self.ratio == 1:
            raise ValueError("method: remove needs a ratio below 1 (nothing is left to train on)")
        if self.schedule == "static" and self.pair_with != "keep":
            raise ValueError(
                f"schedule: static goes with pair_with: keep only, not {self.pair_with} "
                "(before training there is no loss that makes a caption easier)"
            )
        return self


class Training(Section):
    """Fine-tuning of the captioner, as far as experiments vary it."""

    epochs: Annotated[int, Field(ge=1, le=LONGEST_TRAINING)]
    schedule_epochs: Count
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    prompt: str

    @field_validator("prompt")
    @classmethod
    def _prompt_is_apart(cls, prompt: str) -> str:
        if prompt and not prompt[-1].isspace():
            raise ValueError(
                "must end with a blank, as the caption follows at once (or be empty); quote it "
                f"twice for dvc: -S 'training.prompt=\"{prompt} \"'"
            )
        return prompt

    @model_validator(mode="after")
    def _schedule_is_long_enough(self) -> Self:
        if self.epochs > self.schedule_epochs:
            raise ValueError(
                f"epochs ({self.epochs}) must not exceed schedule_epochs "
                f"({self.schedule_epochs}), after which the learning rate is zero; "
                f"raise both, for example -S training.schedule_epochs={self.epochs}"
            )
        return self


Overflow = Literal["truncate", "keep_styler", "chunk"]  # of the tokens that are read


class Prompt(Section):
    """How captions become the text that an image is synthesized from (paper, section 3.3)."""

    mode: Literal["single", "sbert", "concat"]
    styler: str
    overflow: Overflow


class Synthesis(Section):
    """Sampling of synthetic images."""

    sampler: Literal["dpm_solver", "ddim", "pndm"]
    steps: Count
    guidance: Annotated[float, Field(ge=1)]
    negative_prompt: str


def _as_word(value: Any) -> Any:
    """YAML 1.1 reads on and off as booleans, and ``dvc exp run -S`` writes them unquoted."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


class Evaluation(Section):
    """Beam search captions of the validation and test splits; whether SPICE scores them."""

    beams: Count
    min_length: Count
    max_length: Count
    spice: Annotated[Literal["auto", "on", "off"], BeforeValidator(_as_word)]

    @model_validator(mode="after")
    def _lengths(self) -> Self:
        if self.min_length > self.max_length:
            raise ValueError(
                f"min_length ({self.min_length}) must not exceed max_length ({self.max_length})"
            )
        return self


# ------------------------------------------------------------------- profiles


class SplitSizes(Section):
    """Number of images per split."""

    train: Count
    val: Natural
    test: Natural


class PlantedNoise(Section):
    """Rates of planted noise; see :mod:`caption_curation.corpora.demo_world`."""

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
    """A file that salesforce/BLIP publishes; see :mod:`caption_curation.blip_conversion`.

    ``sha256: null`` accepts any file. The tokenizer is BERT's, for its ``vocab.txt``.
    """

    source: Literal["blip_checkpoint"]
    path: Annotated[str, Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None
    tokenizer: Annotated[LocalModel | HubModel, Field(discriminator="source")]


class RandAugment(Section):
    """Random operations on a whole image; see :mod:`caption_curation.random_augmentation`."""

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


class Experiment(Section):
    """The values of ``params.yaml``."""

    profile: Annotated[str, Field(min_length=1)]
    seed: Natural
    curation: Curation
    training: Training
    prompt: Prompt
    synthesis: Synthesis
    evaluation: Evaluation


class Params(Section):
    """Everything that is configured: the experiment and the profile that it names."""

    experiment: Experiment
    profile: Profile


# -------------------------------------------------------------------- reading

Validated = TypeVar("Validated", bound=Section)


def load_params(root: Path = Path()) -> Params:
    """Read and validate ``params.yaml`` and the profile that it names.

    Args:
        root: the repository's root folder.

    Raises:
        InvalidParams: with one line for every fault in both files: file, key, value, what is
            allowed.
    """
    faults: list[str] = []
    experiment_file = root / PARAMS_FILE
    raw = _read_yaml(experiment_file)
    experiment = _validate(Experiment, raw, experiment_file, faults)

    profile = None
    if "profile" in raw:
        profile = _profile(raw["profile"], f"{experiment_file}: profile", root, faults)
    if experiment is None or profile is None:
        raise _invalid(faults)
    return Params(experiment=experiment, profile=profile)


def load_profile(name: str, root: Path = Path()) -> Profile:
    """Read and validate a profile by its name, whatever ``params.yaml`` says.

    Raises:
        InvalidParams: with one line for every fault.
    """
    faults: list[str] = []
    profile = _profile(name, "profile", root, faults)
    if profile is None:
        raise _invalid(faults)
    return profile


def load_section(section: type[Validated], path: Path) -> Validated:
    """Read and validate a file of parameters that is not ``params.yaml`` or a profile.

    Raises:
        InvalidParams: with one line for every fault.
    """
    faults: list[str] = []
    validated = _validate(section, _read_yaml(path), path, faults)
    if validated is None:
        raise _invalid(faults)
    return validated


def _profile(name: Any, key: str, root: Path, faults: list[str]) -> Profile | None:
    available = sorted(path.stem for path in (root / PROFILES_FOLDER).glob("*.yaml"))
    if name not in available:
        faults.append(
            f"{key} = {name!r}: there is no such profile; allowed: {', '.join(available)}"
        )
        return None
    file = root / PROFILES_FOLDER / f"{name}.yaml"
    return _validate(Profile, _read_yaml(file), file, faults)


def _invalid(faults: list[str]) -> InvalidParams:
    return InvalidParams("\n".join([f"{len(faults)} invalid parameter(s):", *faults]))


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidParams(f"{path}: no such file") from error
    except yaml.YAMLError as error:
        raise InvalidParams(f"{path}: not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise InvalidParams(f"{path}: expected keys and values, found {content!r}")
    return content


def _validate(
    section: type[Validated], raw: dict[str, Any], path: Path, faults: list[str]
) -> Validated | None:
    try:
        return section.model_validate(raw)
    except ValidationError as error:
        faults.extend(_describe(fault, path) for fault in error.errors())
        return None


def _describe(fault: Any, path: Path) -> str:
    """One line for a fault that pydantic found: file, key, value, what is allowed."""
    # A discriminated union puts its tag ("scratch") into the location; no key is called that.
    tags = {"demo_world", "karpathy", "same", "scratch", "local", "hub", "blip_checkpoint"}
    key = ".".join(str(part) for part in fault["loc"] if part not in tags)
    if fault["type"] == "extra_forbidden":
        return f"{path}: {key}: unknown key"
    if fault["type"] == "missing":
        return f"{path}: {key}: missing key"
    message = fault["msg"].removeprefix("Value error, ")
    value = fault["input"]
    # YAML 1.1 reads `off` as False and PyYAML reads `1e-5`, without a dot, as text.
    hint = ""
    if isinstance(value, str) and fault["type"].startswith(("float", "int")):
        hint = " (YAML reads this as text; write numbers as 0.4 or 1.0e-5)"
    if isinstance(value, bool):
        hint = " (YAML reads on, off, yes and no as true or false; quote the word)"
    shown = "" if isinstance(value, dict) else f" = {value!r}"
    return f"{path}: {key}{shown}: {message}{hint}"

"""What ``params.yaml`` holds: the experiment."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from caption_curation.config.languages import ENGLISH, Language
from caption_curation.curation.scores import SCORES
from caption_curation.curation.settings import Curation
from caption_curation.support.arithmetic import Arithmetic
from caption_curation.support.sections import Count, Natural, Section

LONGEST_TRAINING = 8  # epochs; the length of the table in stages/epochs/dvc.yaml


class Training(Section):
    """Fine-tuning of the captioner, as far as experiments vary it."""

    epochs: Annotated[int, Field(ge=1, le=LONGEST_TRAINING)]
    """Epochs of fine-tuning. More epochs continue a finished run, fewer are a part of it."""
    schedule_epochs: Count
    """Epochs in which the learning rate falls to zero, along a cosine that takes one step per
    epoch. At least `epochs`.
    """
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    """Share of the target probability that is spread over the whole vocabulary, in training and in
    the score `loss_sum_smoothed`; the other losses that samples are scored by have none.
    """
    prompt: str
    """Text that every caption begins with and on which no loss is counted. Empty, or ending with a
    blank.
    """

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


Joining = Literal["verbatim", "sentences"]  # of captions and styler


class Prompt(Section):
    """How captions become the text that an image is synthesized from (paper, section 3.3)."""

    mode: Literal["single", "sbert", "concat", "others"]
    """What a synthetic image is drawn from: `single`: the sample's own caption; `concat`: all
    captions of its image; `others`: all but the one that the sample began with, which may be wrong;
    `sbert`: the one of them whose sentence embedding is closest to the mean of all.
    """
    joining: Joining
    """How captions and styler become one text. `verbatim`, as the paper's authors did: captions as
    they are, joined by ". " even after a full stop, and the styler after a blank. `sentences`:
    captions without final full stops, joined by ". ", and the styler after ", ".
    """
    styler: str
    """Text appended to every prompt; empty: none."""
    overflow: Literal["truncate", "keep_styler", "chunk"]
    """What becomes of a prompt that is longer than the text encoder reads (CLIP: 77 tokens; of
    several encoders, the one that reads most): `truncate`: its end is cut, the styler first;
    `keep_styler`: words before the styler are dropped; `chunk`: all of it is read, in windows of 75
    tokens (Stable Diffusion 1 and 2).
    """


class Synthesis(Section):
    """Sampling of synthetic images."""

    sampler: Literal["dpm_solver", "ddim", "pndm", "native"]
    """Method of denoising: `dpm_solver` (DPM-Solver++ 2M), `ddim` or `pndm` for models that predict
    noise; `native`: the model's own, and the only one of models that follow a flow.
    """
    steps: Count
    """Denoising steps per image."""
    guidance: Annotated[float, Field(ge=1)]
    """Scale of classifier-free guidance; 1 is no guidance, and costs half as much. Flux.1-dev is
    told it as a number, at no cost.
    """
    negative_prompt: str
    """What images are guided away from; empty: nothing in particular."""


def _as_word(value: Any) -> Any:
    """YAML 1.1 reads on and off as booleans, and ``dvc exp run -S`` writes them unquoted."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


class Evaluation(Section):
    """Beam search captions of the validation and test splits, and how they are scored."""

    beams: Count
    """Width of the beam search that generates captions."""
    min_length: Count
    """Fewest tokens of a generated caption, start token and prompt included."""
    max_length: Count
    """Most tokens of a generated caption, start token and prompt included."""
    spice: Annotated[Literal["auto", "on", "off"], BeforeValidator(_as_word)]
    """Whether SPICE is computed: `auto`: where its two files are found, and otherwise the report
    says why not; `on`: its files must be there; `off`: never. In YAML, quote `on` and `off`.
    """
    language: Language
    """Language of the captions, a code of ISO 639-1. Others than English are split into tokens at
    Unicode's word boundaries, and what a metric cannot do in them is not computed: SPICE, CLIPScore
    and, in most of them, METEOR.
    """

    @model_validator(mode="after")
    def _spice_is_of_english(self) -> Self:
        if self.spice == "on" and self.language != ENGLISH:
            raise ValueError(
                f"spice: on needs language: {ENGLISH}, the only one that SPICE parses; "
                f"it is {self.language}"
            )
        return self

    @model_validator(mode="after")
    def _lengths(self) -> Self:
        if self.min_length > self.max_length:
            raise ValueError(
                f"min_length ({self.min_length}) must not exceed max_length ({self.max_length})"
            )
        return self


InputPath = Annotated[str, Field(min_length=1)]


class Inputs(Section):
    """Files and folders that stages read, relative to the repository's root or absolute.

    What is in them is noticed by DVC, images excepted (`data.revision`). DVC knows no file that may
    be missing: where there is nothing to name, what is committed stays. Queued experiments see what
    git tracks, and absolute paths.
    """

    annotations: InputPath
    """What the profile's `data.source` reads: a file, or a folder of several; nothing of
    `demo_world` and `hub`.
    """
    images: InputPath | None
    """Folder that file names of images are relative to (of COCO, the one with `train2014/` and
    `val2014/`); `null`: the folder of `annotations`, or images are inside.
    """
    generator_annotations: InputPath
    """What `generator_data.source` reads, as `annotations`."""
    generator_images: InputPath | None
    """Its folder of images, as `images`."""
    captioner: InputPath
    """The captioner that fine-tuning starts from: the folder of `captioner.base.source: local`, or
    the `.pth` file of `blip_checkpoint`.
    """
    tokenizer: InputPath
    """Folder with BERT's `vocab.txt`, where a checkpoint of BLIP has a `local` tokenizer."""
    generator: InputPath
    """Folder of the generator that fine-tuning starts from, where `generator.base` is `local`."""
    sentence_encoder: InputPath
    """Folder of a Sentence-BERT, where `sentence_encoder` is `local`."""
    clip: InputPath
    """Folder of a CLIP, where `clip` is `local`."""
    other_captioner: InputPath
    """The round trip's `other_captioner`, as `captioner`."""
    other_tokenizer: InputPath
    """Its tokenizer, as `tokenizer`."""
    decisions: InputPath
    """What people decided about chosen samples: JSON Lines with `epoch`, `sample_id`, `decision`
    (`accept`, `reject`, `remove` or `caption`) and, for `caption`, the `caption` to give.
    """
    scores: InputPath
    """Folder with a file `E.jsonl` for every epoch E after which something could be chosen (0:
    before training). With `curation.score: file`, its lines have `sample_id` and `score` (the
    higher, the harder) of all training samples. A file that is not read, that of epoch 0 with the
    dynamic schedule among them, may be empty.
    """

    def score_file(self, epoch: int) -> Path:
        """The scores after an epoch; 0: before training."""
        return Path(self.scores) / f"{epoch}.jsonl"


class Compute(Section):
    """How models are computed; where, and on how many processes, is up to the machine."""

    arithmetic: Arithmetic
    """`native`: the processor's or GPU's own, which gives other last bits on another make.
    `portable`: one that every x86-64 processor with AVX2 has, at 2.6 times the demo's time; CPUs
    only.
    """


class Experiment(Section):
    """The values of ``params.yaml``."""

    profile: Annotated[str, Field(min_length=1)]
    """Name of a file in `profiles/`, without its ending: the data and models of the experiment."""
    seed: Natural
    """Seed of the captioner's training and of curation. Data, base models and the generator have
    seeds of their own, so that experiments share them.
    """
    generator_seed: Natural
    """Seed of the generator's fine-tuning (shuffling, noise, timesteps and caption dropout) and of
    the noise that its images for training begin with. Another one makes another generator by the
    same recipe, and other images; experiments of one share all images.
    """
    inputs: Inputs
    """Files and folders of the user's that stages read."""
    curation: Curation
    """Which samples are curated, and how."""
    training: Training
    """Fine-tuning of the captioner."""
    prompt: Prompt
    """The text that images are synthesized from."""
    synthesis: Synthesis
    """Sampling of synthetic images."""
    evaluation: Evaluation
    """Generation and scoring of captions."""
    compute: Compute
    """Arithmetic of the models."""

    def missing_inputs(self, root: Path) -> list[str]:
        """Files of people and other programs that are not there, each in a line with what helps.

        Scores that are wanted may be written by a stage of the user's, once their epoch has ended.
        """
        files = [("decisions", Path(self.inputs.decisions))]
        if not SCORES[self.curation.score].is_given:
            epochs = range(self.training.epochs)
            files += [("scores", self.inputs.score_file(epoch)) for epoch in epochs]
        return [
            f"inputs.{key}: {file}: no such file; it may be empty, and queued experiments have it "
            "only if git or DVC tracks it"
            for key, file in files
            if not (root / file).is_file()
        ]

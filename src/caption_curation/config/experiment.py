"""What ``params.yaml`` holds: the experiment."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from caption_curation.curation.settings import Curation
from caption_curation.support.sections import Count, Natural, Section

LONGEST_TRAINING = 8  # epochs; the length of the table in stages/epochs/dvc.yaml


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


class Experiment(Section):
    """The values of ``params.yaml``."""

    profile: Annotated[str, Field(min_length=1)]
    seed: Natural
    curation: Curation
    training: Training
    prompt: Prompt
    synthesis: Synthesis
    evaluation: Evaluation

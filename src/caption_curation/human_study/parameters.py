"""The validated content of stages/human_study/params.yaml."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from caption_curation.curation.scores import LossMeasure
from caption_curation.human_study.annotations.records import check_code
from caption_curation.support.sections import Section, load_section

PARAMS_FILE = Path("stages/human_study/params.yaml")

Code = Annotated[str, AfterValidator(check_code)]
Positive = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(ge=0, le=1)]


class ErrorRates(Section):
    """How a simulated annotator errs; :func:`~.annotations.automatic.simulate` does so."""

    miss: Probability
    """Probability that an error which is there is not marked."""
    false_alarm: Probability
    """Probability that a category of errors which are not there is marked."""


class Automatic(Section):
    """The simulated annotators of the demo, by code."""

    seed: int
    """Of the annotators' errors."""
    annotators: Annotated[dict[Code, ErrorRates], Field(min_length=1)]
    """The rates at which each errs, by code (letters, digits, `-` and `_`)."""


class HumanStudy(Section):
    """Which images are annotated, and which annotations count."""

    variant: Annotated[str, Field(min_length=1)]
    """Whose images are studied: a generator and what it drew from, as the round trip names them:
    `GENERATOR-PROMPT`.
    """
    captioner: Annotated[str, Field(min_length=1)]
    """Folder of the captioner whose loss is asked, in the hub's layout."""
    loss: LossMeasure
    """The loss of an image, the mean over its references: `loss_mean`, per token; `loss_sum`, per
    caption; or `loss_sum_smoothed`, the latter with the label smoothing of training.
    """
    images_per_group: Positive
    """Images of the lowest losses, and as many of the highest; a multiple of `sets`."""
    sets: Positive
    """Sets that the images of both groups are split into; an annotator does one at a time."""
    references_shown: Positive | Literal["all"]
    """Captions shown beside each image: so many, those under 20 words first, or `all`, in order."""
    annotations_per_image: Positive
    """Images that fewer people annotated are left out of the analysis."""
    automatic: Automatic
    """The demo's simulated annotators, used as long as no person has annotated."""

    @model_validator(mode="after")
    def _splits_evenly(self) -> Self:
        if self.images_per_group % self.sets:
            raise ValueError(
                f"images_per_group ({self.images_per_group}) must be a multiple of sets "
                f"({self.sets})"
            )
        return self


def load_human_study() -> HumanStudy:
    """Read and validate stages/human_study/params.yaml.

    Raises:
        InvalidParams: with a line for every fault.
    """
    return load_section(HumanStudy, PARAMS_FILE)

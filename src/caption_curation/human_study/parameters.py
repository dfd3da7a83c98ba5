"""What stages/human_study/params.yaml holds, validated."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from caption_curation.human_study.annotations.records import check_code
from caption_curation.round_trip.variants import VARIANTS
from caption_curation.support.sections import Section, load_section

PARAMS_FILE = Path("stages/human_study/params.yaml")

VARIANT_NAMES = tuple(one.name for one in VARIANTS)

Code = Annotated[str, AfterValidator(check_code)]
Positive = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(ge=0, le=1)]


class ErrorRates(Section):
    """How a simulated annotator errs; :func:`~.annotations.automatic.simulate` does so.

    ``miss``: of the errors that are there; ``false_alarm``: of the categories that are not.
    """

    miss: Probability
    false_alarm: Probability


class Automatic(Section):
    """The simulated annotators of the demo, by code."""

    seed: int
    annotators: Annotated[dict[Code, ErrorRates], Field(min_length=1)]


class HumanStudy(Section):
    """Which images are annotated, and which annotations count.

    Attributes:
        variant: of the round trip, whose images are studied.
        images_per_group: of the lowest losses, and of the highest.
        sets: into which both groups are dealt.
        references_shown: for each image.
        annotations_per_image: images with fewer are left out of the analysis.
        automatic: the demo's annotators.
    """

    variant: Literal[VARIANT_NAMES]  # type: ignore[valid-type]
    images_per_group: Positive
    sets: Positive
    references_shown: Positive
    annotations_per_image: Positive
    automatic: Automatic

    @model_validator(mode="after")
    def _deals_evenly(self) -> Self:
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

"""The validated content of stages/round_trip/params.yaml."""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field

from caption_curation.config.profile import BlipCheckpoint, HubModel, LocalModel
from caption_curation.paths import ROUND_TRIP
from caption_curation.round_trip.variants import GENERATORS, PROMPTS, Grid
from caption_curation.support.sections import Section, load_section

PARAMS_FILE = Path("stages/round_trip/params.yaml")
OTHER_CAPTIONER = ROUND_TRIP / "captioner"  # where ``other_captioner`` is obtained to

Name = TypeVar("Name")


def _distinct(names: list[Name]) -> list[Name]:
    if len(set(names)) < len(names):
        raise ValueError("each may be named once")
    return names


class RoundTrip(Section):
    """Which generators are asked, with which prompts, and who captions their images."""

    generators: Annotated[
        list[Literal[tuple(GENERATORS)]],  # type: ignore[valid-type]
        Field(min_length=1),
        AfterValidator(_distinct),
    ]
    """Who draws: `base_generator` and `generator`, the profile's before and after fine-tuning, and
    `other_generator`.
    """
    prompts: Annotated[
        list[Literal[tuple(PROMPTS)]],  # type: ignore[valid-type]
        Field(min_length=1),
        AfterValidator(_distinct),
    ]
    """What each of them draws from: `single`, one caption; `concat`, all captions of the image;
    `concat_styler`; and `sbert_styler`, the caption closest to all of them.
    """
    single: Literal["every", "random"]
    """The captions of prompts `single`: `every` caption gives an image of its own, which is scored
    against all captions of the original; or one, drawn at `random` with the image id as the seed.
    """
    styler: Annotated[str, Field(min_length=1)]
    """Text appended to the prompts of the variants with a styler."""
    captioner: Annotated[str, Field(min_length=1)]
    """Folder of a captioner in the hub's layout: `data/round_trip/captioner` is `other_captioner`.
    Another one draws no image again. For a paper, name one that was not trained on these images.
    """
    other_captioner: Annotated[
        LocalModel | HubModel | BlipCheckpoint, Field(discriminator="source")
    ]
    """A captioner to obtain, if `captioner` asks for it."""
    other_generator: Annotated[LocalModel | HubModel, Field(discriminator="source")]
    """Another base model to obtain, if `generators` names it. It is not fine-tuned, and draws at
    its own size.
    """

    @property
    def grid(self) -> Grid:
        """The variants that are asked for."""
        return Grid(self.generators, self.prompts)


def load_round_trip() -> RoundTrip:
    """Read and validate stages/round_trip/params.yaml.

    Raises:
        InvalidParams: with a line for every fault.
    """
    return load_section(RoundTrip, PARAMS_FILE)

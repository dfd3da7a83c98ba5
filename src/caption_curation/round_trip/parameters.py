"""The validated content of stages/round_trip/params.yaml."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from caption_curation.support.sections import Section, load_section

PARAMS_FILE = Path("stages/round_trip/params.yaml")


class RoundTrip(Section):
    """The captioner's folder, and the styler: text appended to the prompts of some variants."""

    captioner: Annotated[str, Field(min_length=1)]
    """Folder of a captioner in the hub's layout. Another one draws no image again. For a paper,
    name one that was not trained on these images.
    """
    styler: Annotated[str, Field(min_length=1)]
    """Text appended to the prompts of the variants with a styler."""


def load_round_trip() -> RoundTrip:
    """Read and validate stages/round_trip/params.yaml.

    Raises:
        InvalidParams: with a line for every fault.
    """
    return load_section(RoundTrip, PARAMS_FILE)

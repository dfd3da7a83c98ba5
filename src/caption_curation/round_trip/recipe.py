"""How a generator draws in a round trip: all that its images depend on besides their prompts."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from caption_curation.config.experiment import Synthesis
from caption_curation.support.outputs import write_atomically
from caption_curation.support.reading import read_json


@dataclass(frozen=True)
class Recipe:
    """The content of data/round_trip/recipes/NAME.json.

    DVC compares it where it would otherwise compare a model and settings: an image that the stage
    ``images`` has drawn stays what it is for as long as the recipe does.

    Attributes:
        family: of the generator.
        code: SHA-256 of every file that the family consists of, by path.
        weights: the digest of the generator, as :func:`~.model_files.weights_digest` has it.
        image_size: width and height of its images, in pixels.
        synthesis: sampler, steps, guidance and negative prompt.
    """

    family: str
    code: dict[str, str]
    weights: str
    image_size: int
    synthesis: dict[str, Any]

    @property
    def settings(self) -> Synthesis:
        """What it draws with."""
        return Synthesis(**self.synthesis)


def write_recipe(file: Path, recipe: Recipe) -> None:
    """Write a recipe, the same bytes for the same recipe."""
    write_atomically(file, json.dumps(asdict(recipe), indent=1) + "\n")


def read_recipe(file: Path) -> Recipe:
    """Read what :func:`write_recipe` wrote."""
    return Recipe(**read_json(file))

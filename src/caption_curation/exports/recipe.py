"""How an experiment's captioner is asked for captions; imports no large library."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from caption_curation.config.experiment import Evaluation
from caption_curation.config.languages import ENGLISH
from caption_curation.config.profile import BeamLength
from caption_curation.experiments.finished import FinishedExperiment
from caption_curation.support.arithmetic import Arithmetic
from caption_curation.support.errors import InputError
from caption_curation.support.reading import read_json
from caption_curation.support.sections import Count, Section, invalid, validate

RECIPE = "caption_curation.json"  # of an exported captioner's folder
NATIVE = {"arithmetic": "native"}  # before there was another


class Recipe(Section):
    """What a captioner's captions depend on, but the pictures and the machine."""

    prompt: str
    """Text that the decoder continues."""
    beams: Count
    """Width of the beam search."""
    min_length: Count
    """Fewest tokens, start token and prompt included."""
    max_length: Count
    """Most tokens, likewise."""
    beam_length: BeamLength
    """Which tokens the log probability of a caption is divided by."""
    image_size: Count
    """Width and height of the pixels that the model takes."""
    instruction: str | None = None
    """What the model is asked with a picture; `null`, as before there were any: nothing."""
    batch_size: Count
    """Pictures captioned at a time."""
    arithmetic: Arithmetic
    """As `compute.arithmetic`."""

    @property
    def evaluation(self) -> Evaluation:
        """As the functions that caption take it."""
        lengths = {"min_length": self.min_length, "max_length": self.max_length}
        return Evaluation(beams=self.beams, **lengths, spice="off", language=ENGLISH)


def recipe_of(experiment: FinishedExperiment, profile: Mapping[str, Any]) -> Recipe:
    """The recipe by which an experiment captioned its test split.

    Args:
        experiment: finished.
        profile: the content of its profile.

    Raises:
        InputError: it is of a version that knew other parameters.
    """
    given, captioner = experiment.parameters, profile["captioner"]
    try:
        values = {
            "prompt": given["training"]["prompt"],
            **{name: given["evaluation"][name] for name in ("beams", "min_length", "max_length")},
            "beam_length": captioner["beam_length"],
            "image_size": captioner["image_size"],
            "instruction": captioner.get("instruction"),
            "batch_size": captioner["inference_batch_size"],
            "arithmetic": given.get("compute", NATIVE)["arithmetic"],
        }
    except KeyError as error:
        raise InputError(
            f"{experiment.name}: its parameters have no {error}: it is of an earlier version of "
            "this project; run it again"
        ) from error
    return _validated(values, experiment.name)


def read_recipe(folder: Path) -> Recipe:
    """The recipe of an exported captioner.

    Raises:
        InputError: the folder is of something else.
    """
    file = folder / RECIPE
    if not file.is_file():
        raise InputError(
            f"{folder}: it has no {RECIPE}: --model takes a folder that "
            "`caption-curation export-model` wrote"
        )
    content = read_json(file)
    if not isinstance(content, dict):
        raise InputError(f"{file}: expected keys and values")
    return _validated(content, file)


def recipe_text(recipe: Recipe) -> str:
    """The file's text."""
    return json.dumps(recipe.model_dump(), indent=2) + "\n"


def _validated(values: dict[str, Any], source: Path | str) -> Recipe:
    faults: list[str] = []
    recipe = validate(Recipe, values, source, faults)
    if recipe is None:
        raise invalid(faults)
    return recipe

"""What a card tells of a finished experiment."""

from collections.abc import Mapping
from typing import Any

from caption_curation.edits import Edit, edits_by_epoch
from caption_curation.evaluation.numbers import count_edits
from caption_curation.experiments.finished import FinishedExperiment

TOLD = ("seed", "generator_seed", "curation", "training", "prompt", "synthesis")  # of params.yaml


def parameters_told(experiment: FinishedExperiment, profile: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a card: those of params.yaml that say how, and the profile's data."""
    given = experiment.parameters
    return {key: given[key] for key in TOLD if key in given} | {"data": profile["data"]}


def outcomes(edits: list[Edit]) -> dict[str, dict[str, int]]:
    """What became of chosen samples, as the card counts it."""
    return {
        f"after epoch {epoch}" if epoch else "before training": dict(count_edits(made))
        for epoch, made in sorted(edits_by_epoch(edits).items())
    }


def base_of_generator(profile: Mapping[str, Any]) -> str | None:
    """What the generator was made from, where others made it."""
    base = profile["generator"]["base"]
    match base["source"]:
        case "hub":
            return f"{base['id']} at {base['revision']}"
        case "local":
            return "a folder that inputs.generator names"
        case _:
            return None

"""The numerical classes of finished experiments, as their class files name them."""

from functools import lru_cache
from pathlib import Path

from caption_curation.curation.actions import generates_images
from caption_curation.evaluation.arithmetic import (
    RunClasses,
    by_kind,
    part_of_file,
    unknown_classes,
)
from caption_curation.experiments.finished import FinishedExperiment, Unusable
from caption_curation.numerical_classes import UNKNOWN, read_classes


def classes_of(experiment: FinishedExperiment) -> RunClasses:
    """The numerical classes of an experiment's results by kind.

    A class file that is not in DVC's cache counts as one of an unknown class; where there are none
    at all, the experiment is of a version that did not write them.
    """
    parts = {
        part: output for output in experiment.outputs if (part := part_of_file(output)) is not None
    }
    if not parts:
        method = str(experiment.parameters["curation"]["method"])
        return unknown_classes(draws_images=generates_images(method))
    return by_kind({part: _classes(experiment, output) for part, output in parts.items()})


def _classes(experiment: FinishedExperiment, output: str) -> tuple[str, ...]:
    try:
        return _read(experiment.path(output))
    except Unusable:
        return (UNKNOWN,)


@lru_cache(maxsize=256)  # a file of DVC's cache never changes, and experiments share most
def _read(path: Path) -> tuple[str, ...]:
    return tuple(read_classes(path))

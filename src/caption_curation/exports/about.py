"""What a card tells of a finished experiment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from caption_curation import paths
from caption_curation.edits import Edit, edits_by_epoch
from caption_curation.evaluation.numbers import count_edits
from caption_curation.experiments.finished import (
    WORKSPACE,
    FinishedExperiment,
    Listed,
    Repository,
    Unusable,
)
from caption_curation.experiments.git import Git
from caption_curation.support.errors import InputError

TOLD = ("seed", "generator_seed", "curation", "training", "prompt", "synthesis")  # of params.yaml


def find_experiment(repository: Repository, name: str | None) -> tuple[Listed, FinishedExperiment]:
    """A finished experiment by its name; without one, that of the workspace.

    Raises:
        InputError: there is none of that name, or it has not finished.
    """
    if name in (None, WORKSPACE):
        listed = Listed(WORKSPACE, WORKSPACE, "success")
    else:
        [listed] = repository.find("--experiment", [str(name)])
    try:
        return listed, repository.read(listed)
    except Unusable as reason:
        raise InputError(f"{listed.name}: {reason}") from reason


def provenance(root: Path, listed: Listed, experiment: FinishedExperiment) -> dict[str, str]:
    """What made an experiment, by what a reader calls it.

    Args:
        root: of the repository.
        listed: says its commit.
        experiment: the same.
    """
    from importlib.metadata import version

    facts = {
        "made with": f"caption-curation {version('caption-curation')}",
        "experiment": listed.name,
        "commit": _commit(root, listed),
        "profile": str(experiment.parameters["profile"]),
        "corpus, MD5 of its list of files": experiment.outputs[paths.CORPUS.as_posix()],
    }
    if scores := experiment.given.scores:
        facts["scores of inputs.scores, MD5 by epoch"] = ", ".join(
            f"{epoch}: {md5}" for epoch, md5 in sorted(scores.items())
        )
    if experiment.given.decisions:
        facts["decisions of inputs.decisions, MD5"] = experiment.given.decisions
    return facts


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


def _commit(root: Path, listed: Listed) -> str:
    if listed.rev != WORKSPACE:
        return listed.rev
    git = Git(root)
    changed = git.changed("params.yaml", "profiles", "dvc.lock", "stages", "src")
    return git.commit("HEAD") + (" with changes that are not committed" if changed else "")

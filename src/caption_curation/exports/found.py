"""The experiment that a command is about, and what made it; imports no large library."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from caption_curation import paths
from caption_curation.captioner.model import ADAPTER_SETTINGS
from caption_curation.experiments.finished import (
    WORKSPACE,
    FinishedExperiment,
    Listed,
    Repository,
    Unusable,
)
from caption_curation.experiments.git import Git
from caption_curation.support.errors import InputError


@dataclass(frozen=True)
class Found:
    """A finished experiment, what DVC lists of it, and the content of its profile."""

    listed: Listed
    experiment: FinishedExperiment
    profile: Mapping[str, Any]


def find_experiment(repository: Repository, name: str | None) -> Found:
    """A finished experiment by its name; without one, that of the workspace.

    Raises:
        InputError: there is none of that name, or it has not finished.
    """
    if name in (None, WORKSPACE):
        listed = Listed(WORKSPACE, WORKSPACE, "success")
    else:
        [listed] = repository.find("--experiment", [str(name)])
    with refusing_unusable(listed.name):
        experiment = repository.read(listed)
        profile = repository.profile(listed, experiment.parameters["profile"])
        return Found(listed, experiment, profile)


@contextmanager
def refusing_unusable(name: str) -> Iterator[None]:
    """Turn why an experiment cannot be used into an InputError that names it."""
    try:
        yield
    except Unusable as reason:
        raise InputError(f"{name}: {reason}") from reason


def captioner_files(experiment: FinishedExperiment) -> dict[str, Path]:
    """The files of the best captioner, by their names; they lie in DVC's cache.

    Raises:
        InputError: the cache lacks some.
    """
    with refusing_unusable(experiment.name):
        return experiment.files(paths.best_captioner(experiment.epochs).as_posix())


def base_files(experiment: FinishedExperiment) -> dict[str, Path]:
    """Those of the model that the captioner is an adapter of; none where it is a whole model.

    Raises:
        InputError: the cache lacks some.
    """
    if ADAPTER_SETTINGS not in captioner_files(experiment):
        return {}
    with refusing_unusable(experiment.name):
        return experiment.files(paths.captioner(0).as_posix())


@contextmanager
def linked_captioner(experiment: FinishedExperiment) -> Iterator[tuple[Path, Path | None]]:
    """Folders of the best captioner, and of the model that it is an adapter of, if it is one."""
    with ExitStack() as folders:
        base = base_files(experiment)
        yield (
            folders.enter_context(linked(captioner_files(experiment))),
            folders.enter_context(linked(base)) if base else None,
        )


@contextmanager
def linked(files: Mapping[str, Path]) -> Iterator[Path]:
    """A folder in which files that lie elsewhere have these names, as long as the block runs."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for file_name, path in files.items():
            (folder / file_name).parent.mkdir(parents=True, exist_ok=True)
            (folder / file_name).symlink_to(path.resolve())
        yield folder


def provenance(root: Path, found: Found) -> dict[str, str]:
    """What made an experiment, by what a reader calls it.

    Args:
        root: of the repository.
        found: in it.
    """
    from importlib.metadata import version

    listed, experiment = found.listed, found.experiment
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


def _commit(root: Path, listed: Listed) -> str:
    if listed.rev != WORKSPACE:
        return listed.rev
    git = Git(root)
    changed = git.changed("params.yaml", "profiles", "dvc.lock", "stages", "src")
    return git.commit("HEAD") + (" with changes that are not committed" if changed else "")

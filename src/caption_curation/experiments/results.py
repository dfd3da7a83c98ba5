"""The files of a run, by the paths that stages wrote them to: here, or in DVC's cache.

What reads them need not know whether the run is the workspace's, finished or not, or a finished
experiment that is not checked out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from caption_curation.config.params import load_params
from caption_curation.curation.settings import Curation
from caption_curation.experiments.finished import FinishedExperiment, Repository, Unusable
from caption_curation.support.dvc_cache import dvc_cache_folder
from caption_curation.support.errors import InputError


@dataclass(frozen=True)
class Results:
    """The files of a run.

    Attributes:
        name: of the experiment; ``None``: what lies in the workspace.
        curation: the section of its parameters.
        prompt_mode: as ``prompt.mode`` says.
        epochs: of its training.
        find: where a file is that a stage wrote to a path.

    ``find`` raises an :class:`InputError` where there is none; the file must not be changed.
    """

    name: str | None
    curation: Curation
    prompt_mode: str
    epochs: int
    find: Callable[[Path], Path]

    @property
    def title(self) -> str:
        """Whose they are, in words."""
        return "the workspace" if self.name is None else f"experiment {self.name}"


def results_of(name: str | None) -> Results:
    """The files of a finished experiment, or with ``None`` those of the workspace.

    Raises:
        InputError: there is no such experiment, it cannot be read, or parameters have faults.
    """
    if name is None:
        experiment = load_params().experiment
        return Results(
            None, experiment.curation, experiment.prompt.mode, experiment.training.epochs, _here
        )
    repository = Repository(Path(), dvc_cache_folder())
    [listed] = repository.find("--experiment", [name])
    try:
        finished = repository.read(listed)
    except Unusable as reason:
        raise InputError(f"experiment {name}: {reason}") from reason
    curation = Curation.model_validate(finished.parameters["curation"])

    def find(path: Path) -> Path:
        try:
            return finished.path(*_place(finished, path))
        except Unusable as reason:
            raise InputError(f"experiment {name}: {reason}") from reason

    mode = str(finished.parameters["prompt"]["mode"])
    return Results(name, curation, mode, finished.epochs, find)


def _here(path: Path) -> Path:
    if not path.is_file():
        raise InputError(
            f"{path} is not there: `dvc repro` makes it, `dvc pull --allow-missing` fetches it"
        )
    return path


def _place(experiment: FinishedExperiment, path: Path) -> tuple[str, str | None]:
    """The output that a path is in, and the file in it, if the output is a folder."""
    for folder in path.parents:
        if folder.as_posix() in experiment.outputs:
            return folder.as_posix(), path.relative_to(folder).as_posix()
    return path.as_posix(), None

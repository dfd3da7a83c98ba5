"""Run a stage that takes a second for real, but in a scratch folder, to know its result."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from caption_curation.config.params import PARAMS_FILE, PROFILES_FOLDER
from caption_curation.edits import read_proposals
from caption_curation.support.errors import InputError
from caption_curation.support.launcher import LAUNCHER

CHECK = "stages.parameters"
QUICK = (
    "stages.profile",
    CHECK,
    "stages.scores",
    "stages.curate",
    "stages.recaption",
    "stages.judge",
    "stages.settle",
)


def is_quick(command: str, inputs: Mapping[Path, Path]) -> bool:
    """Whether a stage loads no model: those that check or curate, and synthesis of no image.

    Args:
        command: ``python -m MODULE …``.
        inputs: the files that it reads, by their path in the repository.
    """
    module = shlex.split(command)[2]
    if module != "stages.synthesize":
        return module in QUICK
    proposals = next(file for path, file in inputs.items() if path.name == "proposals.jsonl")
    return not any(proposal.draws_image for proposal in read_proposals(proposals))


def try_out(command: str, inputs: Mapping[Path, Path], root: Path, folder: Path) -> None:
    """Run a stage's command in a new folder that has its inputs and the repository's parameters.

    Raises:
        InputError: it failed, as it would in the pipeline; with what it said.
    """
    folder.mkdir(parents=True)
    (folder / PARAMS_FILE).symlink_to(root / PARAMS_FILE)
    (folder / PROFILES_FOLDER).symlink_to(root / PROFILES_FOLDER)
    for path, file in inputs.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(file.absolute())
    if shlex.split(command)[2] == CHECK:
        _link_all_inputs(root, folder)
    # Without a launcher: there is no work to share.
    environment = {name: value for name, value in os.environ.items() if name != LAUNCHER}
    done = subprocess.run(
        [sys.executable, *shlex.split(command)[1:]],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise InputError(f"`{command}` fails: {done.stderr.strip()}")


def _link_all_inputs(root: Path, folder: Path) -> None:
    """Link all that ``inputs`` of params.yaml names: the check reads it, and depends on none."""
    parameters = yaml.safe_load((root / PARAMS_FILE).read_text(encoding="utf-8"))
    for name in parameters["inputs"].values():
        source, link = root / str(name), folder / str(name)
        if name and source.exists() and not link.exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(source.absolute())

"""The small project of the golden run: the demo with few images, few steps and two epochs."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.pipeline.clone import REPOSITORY, change

# Models and batches of images are the demo's own, as kernels follow the shapes that they compute.
PARAMS: Mapping[str, Any] = {
    "training.epochs": 2,
    "training.schedule_epochs": 2,
    "synthesis.steps": 2,
    "evaluation.spice": "off",  # its files are not everybody's
}
PROFILE: Mapping[str, Any] = {
    "data.images": {"train": 40, "val": 8, "test": 8},
    "generator_data.images": {"train": 40, "val": 0, "test": 0},
    "generator.fine_tuning.steps": 4,
    "generator.fine_tuning.warmup_steps": 2,
    "generator.fine_tuning.batch_size": 8,
}
# What is run one after the other: every method of curation, and both schedules.
CASES: Mapping[str, Mapping[str, Any]] = {
    "none": {"curation.method": "none"},
    "remove": {"curation.method": "remove"},
    "replace_caption": {"curation.method": "replace_caption"},
    "replace_image": {"curation.method": "replace_image"},
    "replace_image, static": {
        "curation.method": "replace_image",
        "curation.schedule": "static",
        "prompt.mode": "sbert",
    },
}
CONTENTS = (
    "params.yaml",
    "versions.yaml",
    "dvc.yaml",
    "stages/epochs/dvc.yaml",
    "defaults",
    "profiles",
    "data/demo_models",
)


def write_project(folder: Path, arithmetic: str) -> None:
    """Make the project in an empty folder, with a DVC cache of its own, which has no images."""
    for name in CONTENTS:
        source, target = REPOSITORY / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    (folder / "src").symlink_to(REPOSITORY / "src")  # the digests of families are taken of it
    change(folder / "params.yaml", {**PARAMS, "compute.arithmetic": arithmetic})
    change(folder / "profiles" / "demo.yaml", dict(PROFILE))
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=folder, check=True)

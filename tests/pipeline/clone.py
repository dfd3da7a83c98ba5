"""A temporary clone of the repository, in which DVC runs the real pipeline on a tiny profile."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parent.parent.parent
RECORDER = Path(__file__).resolve().parent / "recorder"

# The demo at the smallest sizes at which every stage still does its work.
TINY_PROFILE: dict[str, Any] = {
    "data": {
        "source": "demo_world",
        "seed": 1,
        "image_size": 32,
        "images": {"train": 24, "val": 6, "test": 6},
        "noise": {"wrong_caption": 0.1, "mismatched_image": 0.1, "long_caption": 0.05},
        "train_fraction": 1.0,
        "on_leak": "warn",
    },
    "generator_data": {
        "source": "demo_world",
        "seed": 2,
        "image_size": 32,
        "images": {"train": 24, "val": 0, "test": 0},
        "noise": {"wrong_caption": 0.0, "mismatched_image": 0.0, "long_caption": 0.0},
    },
    "captioner": {
        "base": {
            "source": "scratch",
            "seed": 0,
            "vocabulary_size": 300,
            "initializer_range": 0.08,
            "vision": {"hidden_size": 32, "layers": 1, "heads": 2, "patch_size": 8},
            "text": {"hidden_size": 32, "layers": 1, "heads": 2, "dropout": 0.1},
        },
        "image_size": 32,
        "instruction": None,
        "fine_tuning": {
            "batch_size": 16,
            "last_batch": "train",
            "learning_rate": 0.003,
            "weight_decay": 0.05,
            "max_tokens": 40,
            "augmentation": {
                "smallest_crop": 1.0,
                "horizontal_flip": False,
                "rand_augment": None,
            },
            "adapter": None,
        },
        "beam_length": "caption",
        "best_epoch": "cider",
        "checkpoint_steps": 100,
        "inference_batch_size": 12,
    },
    "generator": {
        "base": {
            "source": "scratch",
            "seed": 0,
            "autoencoder": {
                "channels": [8, 8, 16],
                "latent_channels": 4,
                "steps": 2,
                "batch_size": 4,
                "learning_rate": 0.002,
            },
            "text_encoder": {"hidden_size": 32, "layers": 1, "heads": 2, "vocabulary_size": 700},
            "unet": {"channels": [16, 32], "heads": 2},
        },
        "image_size": 32,
        "fine_tuning": {
            "steps": 2,
            "batch_size": 4,
            "learning_rate": 0.001,
            "warmup_steps": 1,
            "schedule": "constant",
            "adapter": None,
            "ema_decay": 0.9,
            "gradient_clipping": 1.0,
            "caption_dropout": 0.1,
            "prompt_mode": "concat",
            "prompt_joining": "verbatim",
        },
        "checkpoint_steps": 1,
        "synthesis_batch_size": 4,
        "jpeg_quality": 95,
    },
    "curation": {"rounding": "floor", "easier_captions": None},
    "sentence_encoder": {"source": "local"},
    "clip": {"source": "local"},
}
TINY_PARAMS: dict[str, Any] = {
    "profile": "tiny",
    "training.epochs": 2,
    "synthesis.steps": 2,
}


@dataclass
class Run:
    """What a DVC command did."""

    output: str
    stages: list[str] = field(default_factory=list)

    @property
    def generated(self) -> int:
        """Synthetic images that the command's stages generated."""
        return sum(int(count) for count in re.findall(r"(\d+) generated", self.output))


class Clone:
    """A git repository with a copy of this repository's files and the tiny profile.

    Args:
        folder: to be made.
        origin: clone this git repository, which was made from a :class:`Clone`, instead.
    """

    def __init__(self, folder: Path, *, origin: Path | None = None) -> None:
        self.folder = folder
        if origin:
            folder.mkdir(parents=True)
            self.command("git", "clone", "--quiet", str(origin), ".")
            return
        _copy_files(folder)
        profile = folder / "profiles" / "tiny.yaml"
        profile.write_text(yaml.safe_dump(TINY_PROFILE))
        self.set(**TINY_PARAMS)
        self.command("git", "init", "--quiet", "--initial-branch=main")
        self.commit("tiny")

    def command(self, *words: str, environment: dict[str, str] | None = None) -> str:
        """Run a command in the clone; its output, or an AssertionError with it."""
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment() | (environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}"
        return done.stdout

    def dvc(self, *words: str, environment: dict[str, str] | None = None) -> Run:
        """Run a DVC command and say which stages it really ran."""
        output = self.command(sys.executable, "-m", "dvc", *words, environment=environment)
        # DVC names a stage when it runs it, and otherwise says that it is cached or unchanged.
        names = re.findall(r"Running stage '(?:stages/epochs/dvc\.yaml:)?([^']+)'", output)
        return Run(output, names)

    def environment(self) -> dict[str, str]:
        """The environment of a user who has activated a Python in which the clone is installed."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        identity = {
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in (("NAME", "tester"), ("EMAIL", "tester@example.org"))
        }
        environment = os.environ | identity | {"PATH": path, "PYTHONUNBUFFERED": "1"}
        # The clone's own sources, beside which Python writes compiled files as it does for users.
        environment["PYTHONPATH"] = str(self.folder / "src")
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return environment

    def set(self, **values: Any) -> None:
        """Set dotted keys of params.yaml (``**{"curation.ratio": 0.2}``)."""
        change(self.folder / "params.yaml", values)

    def commit(self, message: str) -> None:
        """Commit everything that git does not ignore."""
        self.command("git", "add", "--all")
        self.command("git", "commit", "--quiet", "--allow-empty", "--message", message)

    def reset(self) -> None:
        """Back to the last commit; an experiment leaves its parameters in the workspace."""
        self.command("git", "checkout", "--quiet", ".")

    def locks(self) -> dict[str, Any]:
        """The content of both dvc.lock files, by stage."""
        stages: dict[str, Any] = {}
        for file in ("dvc.lock", "stages/epochs/dvc.lock"):
            stages |= yaml.safe_load((self.folder / file).read_text())["stages"]
        return stages


def change(path: Path, values: dict[str, Any]) -> None:
    """Set dotted keys of a YAML file."""
    content = yaml.safe_load(path.read_text())
    for key, value in values.items():
        *parents, last = key.split(".")
        section = content
        for parent in parents:
            section = section[parent]
        assert last in section, key
        section[last] = value
    path.write_text(yaml.safe_dump(content))


def _copy_files(folder: Path) -> None:
    """The files that git tracks or would track, as they are now, without DVC's locks."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        source, target = REPOSITORY / name, folder / name
        if source.is_file() and source.name != "dvc.lock":
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)

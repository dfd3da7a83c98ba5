"""What the contract's tests do with a captioner of any kind; and the same in two processes.

``python -m tests.captioner.every_family FOLDER TARGET KIND…`` trains and scores kinds of ``FOLDER``
in two processes. The second is forked when all is imported and loaded, which costs more than tiny
models do.
"""

import importlib.util
import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from caption_curation.captioner.bases.scratch import build_captioner
from caption_curation.captioner.captioning import generate_captions
from caption_curation.captioner.model.adapters import new_adapter
from caption_curation.captioner.model.captioner import (
    Captioner,
    load_captioner,
    save_captioner,
)
from caption_curation.captioner.scoring import sample_losses
from caption_curation.captioner.training.checkpoints import Checkpoints, EpochState
from caption_curation.captioner.training.epoch import new_optimizer, train_epoch
from caption_curation.compute.process_group import (
    destroy_process_group,
    init_process_group,
    process_index,
)
from caption_curation.config.experiment import Evaluation, Training
from caption_curation.config.profile import (
    Adapter,
    Augmentation,
    FineTuning,
    ScratchCaptioner,
    TextSize,
    VisionSize,
)
from caption_curation.optimisation.optimizer_state import state_tensors
from caption_curation.samples import CaptionedImage, Sample, SampleLoss, samples_of
from caption_curation.shown_images import shown_files
from tests.captioner import tiny_models

SIDE = tiny_models.SIDE
SMOOTHING = 0.1
COLOURS = {"red": (220, 30, 30), "green": (30, 180, 60), "blue": (40, 60, 220)}
PROMPT = "a picture of "
# A chat template, a task of Florence-2's, and nothing, with and without a prompt.
INSTRUCTIONS = {
    "smolvlm": "describe it",
    "qwen2_vl": "describe it",
    "florence2": "<CAPTION>",
    "paligemma": "caption en",
}
PROMPTS = {"smolvlm": "", "blip_2": "", "vit_gpt2": ""}
# The layers beside which an adapter of each kind is trained.
TARGETS = {
    "blip": ["query", "value"],
    "git": ["query", "value"],
    "blip_2": ["q_proj", "v_proj"],
    "smolvlm": ["q_proj", "v_proj"],
    "qwen2_vl": ["q_proj", "v_proj"],
    "florence2": ["q_proj", "v_proj"],
    "paligemma": ["q_proj", "v_proj"],
    "vit_gpt2": ["c_attn"],
}
ADAPTED = "+adapter"  # what follows a kind of which an adapter is trained
NEED_TORCHVISION = {"smolvlm", "qwen2_vl"}
KINDS = ["blip", *tiny_models.BUILDERS]
CPU = torch.device("cpu")
FINE_TUNING = FineTuning(
    batch_size=5,
    last_batch="train",
    learning_rate=0.01,
    weight_decay=0.05,
    max_tokens=30,
    augmentation=Augmentation(smallest_crop=0.8, horizontal_flip=True, rand_augment=None),
)
EVALUATION = Evaluation(beams=3, min_length=5, max_length=20, spice="off", language="en")


@dataclass(frozen=True)
class World:
    """Plain images that are called by their colours."""

    images: list[CaptionedImage]
    samples: list[Sample]
    files: dict[str, Path]


def make_world(folder: Path) -> World:
    """Six images with two captions each."""
    folder.mkdir(exist_ok=True)
    images = []
    for index in range(6):
        name, colour = list(COLOURS.items())[index % 3]
        Image.new("RGB", (40, 32), colour).save(folder / f"{index}.png")
        captions = (f"a {name} wall", f"one wall, all of it {name}")
        images.append(CaptionedImage(str(index), f"{index}.png", captions))
    samples = samples_of(images, folder)
    return World(images, samples, shown_files(samples))


def installed(kind: str) -> bool:
    """Whether what a kind needs beside the project's own requirements is there."""
    extra = kind in NEED_TORCHVISION
    return not extra or all(map(importlib.util.find_spec, ("torchvision", "num2words")))


def build(kind: str, folder: Path) -> Path:
    """Write a tiny random model of a kind, in the hub's layout."""
    if kind != "blip":
        return tiny_models.BUILDERS[kind](folder)
    size = ScratchCaptioner(
        source="scratch",
        seed=0,
        vocabulary_size=150,
        initializer_range=0.1,
        vision=VisionSize(hidden_size=32, layers=1, heads=2, patch_size=8),
        text=TextSize(hidden_size=32, layers=1, heads=2, dropout=0.1),
    )
    save_captioner(build_captioner(size, tiny_models.TEXTS, PROMPT, SIDE), folder)
    return folder


def load(kind: str, folder: Path) -> Captioner:
    """A captioner of a kind, asked what its kind is asked."""
    return load_captioner(folder, SIDE, CPU, instruction=INSTRUCTIONS.get(kind))


def adapter_of(kind: str, **other: Any) -> Adapter:
    """The settings of an adapter of a kind."""
    values: dict[str, Any] = {"rank": 4, "alpha": 8.0, "dropout": 0.1}
    return Adapter.model_validate(values | {"target_modules": TARGETS[kind]} | other)


def load_named(name: str, folder: Path) -> Captioner:
    """A captioner of a kind in a folder of kinds, or a new adapter of it."""
    kind = name.removesuffix(ADAPTED)
    captioner = load(kind, folder / kind)
    if name == kind:
        return captioner
    return new_adapter(captioner, adapter_of(kind), folder / kind, seed=0)


def prompt_of(kind: str) -> str:
    """What the captions of a kind begin with."""
    return PROMPTS.get(kind, PROMPT)


def train(
    kind: str,
    captioner: Captioner,
    world: World,
    *,
    epochs: Sequence[int] = (1,),
    optimizer: torch.optim.AdamW | None = None,
    checkpoints: Checkpoints | None = None,
) -> tuple[list[float], torch.optim.AdamW]:
    """The mean loss of each epoch, and the optimizer."""
    optimizer = optimizer or new_optimizer(captioner, FINE_TUNING.weight_decay)
    losses = [
        train_epoch(
            captioner,
            optimizer,
            world.samples,
            world.files,
            epoch=epoch,
            seed=0,
            training=Training(
                epochs=5, schedule_epochs=8, label_smoothing=SMOOTHING, prompt=prompt_of(kind)
            ),
            fine_tuning=FINE_TUNING,
            checkpoints=checkpoints,
        )
        for epoch in epochs
    ]
    return losses, optimizer


def score(
    kind: str, captioner: Captioner, world: World, samples: Sequence[Sample] | None = None
) -> list[SampleLoss]:
    """The loss of every sample, two images at a time."""
    return sample_losses(
        captioner,
        world.samples if samples is None else samples,
        world.files,
        prompt=prompt_of(kind),
        max_tokens=FINE_TUNING.max_tokens,
        label_smoothing=SMOOTHING,
        batch_size=2,
    )


def caption(kind: str, captioner: Captioner, files: Sequence[Path]) -> list[str]:
    """A caption of every image, two at a time."""
    return generate_captions(
        captioner,
        files,
        prompt=prompt_of(kind),
        evaluation=EVALUATION,
        beam_length="caption",
        batch_size=2,
    )


@dataclass(frozen=True)
class Kept(Checkpoints):
    """Checkpoints in a folder of the test's."""

    at: Path = Path()

    def folder(self, batches: int) -> Path | None:
        """That folder."""
        return self.at


def kill_at_a_checkpoint(patched: pytest.MonkeyPatch) -> None:
    """Let the training end when its first checkpoint is written."""
    save = EpochState.save

    def stop(self: EpochState, folder: Path, losses: Any) -> None:
        save(self, folder, losses)
        raise KeyboardInterrupt

    patched.setattr(EpochState, "save", stop)


def work(captioners: Mapping[str, Captioner], world: World, target: Path) -> None:
    """Train and score every captioner once, and write what came of it."""
    target.mkdir(exist_ok=True)
    for name, captioner in captioners.items():
        kind = name.removesuffix(ADAPTED)
        losses, optimizer = train(kind, captioner, world)
        scored = score(kind, captioner, world)
        if process_index() == 0:
            save_file(state_tensors(optimizer), target / f"{name}.safetensors")
            found = {"training": losses, "sums": [loss.loss_sum for loss in scored]}
            (target / f"{name}.json").write_text(json.dumps(found))


def work_in_two(names: Sequence[str], folder: Path, target: Path) -> None:
    """The same in this process and another."""
    captioners = {name: load_named(name, folder) for name in names}
    world = make_world(folder / "world")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    other = os.fork()
    rank = "0" if other else "1"
    of_both = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    os.environ |= of_both | {"MASTER_PORT": port, "RANK": rank, "LOCAL_RANK": rank}
    init_process_group()
    work(captioners, world, target)
    destroy_process_group()
    if other and os.waitpid(other, 0)[1]:
        sys.exit("the other process failed")


if __name__ == "__main__":
    work_in_two(sys.argv[3:], Path(sys.argv[1]), Path(sys.argv[2]))

"""The history of a run: all that its report needs of each epoch, in one folder.

The history of epoch e is that of epoch e - 1 and what epoch e adds, so that a stage which needs
every epoch has one dependency, whatever their number.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from caption_curation.config.profile import BestEpoch
from caption_curation.edits import Edit
from caption_curation.metrics.coco.scores import cider, cider_and_bleu_4
from caption_curation.support.outputs import link_or_copy, write_atomically

GALLERY_SIZE = 24  # synthetic images to keep per epoch: half the hardest, half at random


def gallery_edits(
    edits: Sequence[Edit], epoch: int, rng: np.random.Generator
) -> list[tuple[Edit, str]]:
    """The image replacements of one epoch to show, with the files of their images.

    The hardest ones, then a random sample.

    Args:
        edits: the edit log; within an epoch the hardest sample comes first.
        epoch: after which the edits were made.
        rng: chooses the random half.
    """
    made = [
        (edit, edit.after.file)
        for edit in edits
        if edit.epoch == epoch and edit.accepted and edit.action == "replace_image"
        if edit.after and edit.after.file
    ]
    half = GALLERY_SIZE // 2
    hardest, others = made[:half], made[half:]
    sampled = rng.choice(len(others), size=min(half, len(others)), replace=False)
    return hardest + [others[index] for index in sorted(sampled)]


# Scores of a split's captions by which the best epoch is chosen: captions and references by image
# id, and their language → number, the higher, the better.
CRITERIA: dict[BestEpoch, Callable[[Mapping[str, str], Mapping[str, Sequence[str]], str], float]]
CRITERIA = {"cider": cider, "cider_and_bleu_4": cider_and_bleu_4}


def best_epoch(scores: Mapping[str, float]) -> int:
    """The fine-tuned epoch (from 1) with the highest validation score; the earliest of equals."""
    epochs = [int(epoch) for epoch in scores if int(epoch) > 0]
    return max(sorted(epochs), key=lambda epoch: scores[str(epoch)])


def read_validation_scores(folder: Path) -> dict[BestEpoch, dict[str, float]]:
    """Validation scores of a history folder, by name and epoch ("0": the base captioner)."""
    found: dict[BestEpoch, dict[str, float]] = json.loads(
        (folder / "validation.json").read_text(encoding="utf-8")
    )
    return {name: found[name] for name in CRITERIA if name in found}


def write_validation_scores(
    folder: Path, scores: Mapping[BestEpoch, Mapping[str, float]], best: int | None
) -> None:
    """Write validation scores by name and epoch, and the best epoch once there is one."""
    text = json.dumps({**scores, "best_epoch": best}, indent=2)
    write_atomically(folder / "validation.json", text + "\n")


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder, replacing ``target``; its files are hard links where possible."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, copy_function=copy_file)


def copy_file(source: str | Path, target: str | Path) -> None:
    """Copy a file as a hard link where possible.

    An existing ``target`` is unlinked first: it may be a link into DVC's cache, which must never be
    written to.
    """
    Path(target).unlink(missing_ok=True)
    link_or_copy(Path(source), Path(target))

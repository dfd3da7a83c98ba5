"""What may not be proposed again: one record an image, whatever the number of epochs.

It is read instead of all earlier edits, so that curation after the last epoch takes no longer than
after the first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from sys import intern
from typing import Any

from caption_curation.edits import KEEP, Edit, Proposal
from caption_curation.samples import (
    Sample,
    iterate_json_lines,
    original_caption,
    write_json_lines,
)

REMOVAL = None  # what stands for a caption where it was proposed to remove the sample


@dataclass(slots=True)
class ImageUses:
    """What has been used up of one image.

    Attributes:
        replicates: how many synthetic images each of its prompts has been asked for, shown or not;
            prompts are told apart by a caption, or are one ("").
        hard: captions that belonged to a chosen sample, whatever was decided of it.
        rejected: what was turned down: sample id, action, and the caption that was proposed.
    """

    replicates: dict[str, int] = field(default_factory=dict)
    hard: tuple[str, ...] = ()
    rejected: tuple[tuple[str, str, str | None], ...] = ()


Uses = dict[str, ImageUses]  # by image id; of images without any there need not be a record


def prompt_key(sample: Sample, prompt_mode: str, captions: Sequence[str]) -> str:
    """What tells the prompts of one image apart: its samples of one key share a prompt.

    Args:
        sample: one of the training set.
        prompt_mode: as ``prompt.mode`` says.
        captions: the original captions of its image.

    Returns:
        A caption; empty where all samples of an image share the prompt.
    """
    if prompt_mode == "single":
        return sample.caption
    if prompt_mode == "others":
        return original_caption(sample, captions)
    return ""


def add_uses(
    uses: Uses,
    proposals: Iterable[Proposal],
    edits: Iterable[Edit],
    *,
    prompt_mode: str,
    captions: Mapping[str, Sequence[str]],
) -> None:
    """Add to ``uses`` what an epoch used up.

    Args:
        uses: of all earlier epochs; changed.
        proposals: of the epoch.
        edits: what came of each of them, in the same order.
        prompt_mode: as ``prompt.mode`` says.
        captions: every image's original captions, by image id.
    """
    for proposal, edit in zip(proposals, edits, strict=True):
        before, after = proposal.before, proposal.after
        of_image = uses.setdefault(before.image_id, ImageUses())
        if before.caption not in of_image.hard:
            of_image.hard += (before.caption,)
        if proposal.draws_image and after:
            # The numbers of images are used up by asking, and no rejection need be remembered.
            key = prompt_key(after, prompt_mode, captions[before.image_id])
            of_image.replicates[key] = of_image.replicates.get(key, 0) + 1
        elif proposal.action != KEEP and not edit.does(proposal):
            caption = after.caption if after else REMOVAL
            of_image.rejected += ((proposal.sample_id, proposal.action, caption),)


def read_uses(path: Path) -> Uses:
    """What was used up so far."""
    return {
        intern(record["image_id"]): ImageUses(
            record["replicates"],
            tuple(map(intern, record["hard"])),
            tuple((name, action, caption) for name, action, caption in record["rejected"]),
        )
        for record in iterate_json_lines(path)
    }


def write_uses(path: Path, uses: Uses) -> None:
    """Write what was used up so far."""
    write_json_lines(path, (_record(image_id, of_image) for image_id, of_image in uses.items()))


def _record(image_id: str, uses: ImageUses) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "replicates": uses.replicates,
        "hard": uses.hard,
        "rejected": uses.rejected,
    }

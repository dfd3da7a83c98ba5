"""Actions: from chosen samples to edits (paper, sections 3.2 and 3.3), pure functions.

:data:`ACTIONS` is the one place where actions are named: an action is a function and its row. What
``params.yaml`` allows as ``method``, counts, reports, comparisons and plans follow from the table.

Whatever may not happen again is read from the edit log: which captions were found hard, how many
images a prompt has given. So no edit depends on what was popped from a shared list, and a log
replays to the same training set.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from caption_curation.samples import KEEP, Edit, Sample, original_caption, other_captions


@dataclass(frozen=True)
class ChosenSample:
    """A sample that is to be curated, with the score that it was chosen by, if any."""

    sample: Sample
    score: float | None

    def edit(self, epoch: int, action: str, after: Sample | None) -> Edit:
        """The edit that makes ``after`` of the sample (``None``: removes it)."""
        return Edit(self.sample.sample_id, epoch, action, self.sample, after, self.score)

    def keep(self, epoch: int, reason: str) -> Edit:
        """The edit that leaves the sample as it is, and says why."""
        edit = self.edit(epoch, KEEP, self.sample)
        return replace(edit, reason=reason)


@dataclass(frozen=True)
class Circumstances:
    """What an action may read.

    Attributes:
        epoch: after which the edits are made; 0: before training.
        samples: the current training set.
        losses: the current loss by sample id; empty before training.
        captions: every image's original captions, by image id.
        log: all earlier edits.
        prompt_mode: as ``prompt.mode`` says; it decides how synthetic images are numbered.
        pair_with: the caption that goes with a synthetic image, see :func:`replace_image`.
        easier_captions: among how many of the easiest captions ``random_easier`` draws; ``None``:
            among all that are easier.
        rng: for whatever the action draws.
    """

    epoch: int
    samples: Sequence[Sample]
    losses: Mapping[str, float]
    captions: Mapping[str, Sequence[str]]
    log: Sequence[Edit]
    prompt_mode: str
    pair_with: str
    easier_captions: int | None
    rng: np.random.Generator


def remove(chosen: Sequence[ChosenSample], now: Circumstances) -> list[Edit]:
    """Drop every chosen sample."""
    return [each.edit(now.epoch, "remove", None) for each in chosen]


def replace_caption(chosen: Sequence[ChosenSample], now: Circumstances) -> list[Edit]:
    """Give every chosen sample a caption of its image that was never found hard, drawn at random.

    A caption that belonged to a chosen sample, after whichever epoch or in this call, is given to
    no sample of its image again, whatever became of the chosen one: so in the code that the paper's
    authors released. Each of the others may be given several times, also in one call: the paper
    speaks of a duplicate (section 3.2). A sample whose image has none left is kept.

    Args:
        chosen: hardest first.
        now: captions, log and rng are read.
    """
    hard = {(edit.before.image_id, edit.before.caption) for edit in now.log}
    hard |= {(each.sample.image_id, each.sample.caption) for each in chosen}
    edits = []
    for each in chosen:
        sample = each.sample
        allowed = [
            caption
            for caption in dict.fromkeys(now.captions[sample.image_id])
            if (sample.image_id, caption) not in hard
        ]
        if not allowed:
            edits.append(each.keep(now.epoch, "every caption of the image was chosen before"))
            continue
        caption = allowed[now.rng.integers(len(allowed))]
        edits.append(each.edit(now.epoch, "replace_caption", replace(sample, caption=caption)))
    return edits


def replace_image(chosen: Sequence[ChosenSample], now: Circumstances) -> list[Edit]:
    """Give every chosen sample a synthetic image that no other sample was ever given.

    The images are numbered per prompt: with ``prompt_mode`` ``concat`` or ``sbert`` all samples of
    an image share the prompt, so they get its replicates 0, 1, 2, …; with ``single`` each caption
    has a prompt, and replicates, of its own, and with ``others`` the captions that are left out. A
    sample for which ``others`` leaves no caption is kept. ``pair_with`` says which caption goes
    with the synthetic image: ``keep`` the sample's, or one of its image that is easier for the
    captioner now, ``random_easier`` or ``easiest``; the sample's where none is. With
    ``easier_captions``, ``random_easier`` draws among so many captions that are the easiest of the
    image, whether or not the sample's own is one of them.

    Args:
        chosen: hardest first.
        now: all of it is read; ``losses`` unless the sample's caption is kept.
    """

    def key(sample: Sample) -> tuple[str, ...]:
        return prompt_key(sample, now.prompt_mode, now.captions[sample.image_id])

    used = Counter(
        key(edit.after) for edit in now.log if edit.action == "replace_image" and edit.after
    )
    siblings: dict[str, list[Sample]] = {}
    for sample in now.samples:
        siblings.setdefault(sample.image_id, []).append(sample)
    edits = []
    for each in chosen:
        sample = each.sample
        if now.prompt_mode == "others" and not other_captions(
            sample, now.captions[sample.image_id]
        ):
            edits.append(each.keep(now.epoch, "the image has no other caption to generate from"))
            continue
        caption = sample.caption
        if now.pair_with != "keep":
            caption = _easier_caption(sample, siblings[sample.image_id], now)
        prompt = key(replace(sample, caption=caption))
        after = replace(sample, caption=caption, replicate=used[prompt])
        used[prompt] += 1
        edits.append(each.edit(now.epoch, "replace_image", after))
    return edits


def prompt_key(sample: Sample, prompt_mode: str, captions: Sequence[str]) -> tuple[str, ...]:
    """What a sample's synthetic images are numbered by: samples of one key share a prompt.

    Args:
        sample: one of the training set.
        prompt_mode: as ``prompt.mode`` says.
        captions: the original captions of its image.
    """
    if prompt_mode == "single":
        return sample.image_id, sample.caption
    if prompt_mode == "others":
        return sample.image_id, original_caption(sample, captions)
    return (sample.image_id,)


def _easier_caption(sample: Sample, siblings: Sequence[Sample], now: Circumstances) -> str:
    """The caption that a sample is paired with; ``siblings`` are all samples of its image."""

    def loss(other: Sample) -> float:
        return now.losses[other.sample_id]

    if now.pair_with == "random_easier" and now.easier_captions is not None:
        captions = list(dict.fromkeys(other.caption for other in sorted(siblings, key=loss)))
        easiest = captions[: now.easier_captions]
        return easiest[now.rng.integers(len(easiest))]
    easier = [other for other in siblings if loss(other) < loss(sample)]
    if not easier:
        return sample.caption
    if now.pair_with == "easiest":
        return min(easier, key=loss).caption
    return easier[now.rng.integers(len(easier))].caption


@dataclass(frozen=True)
class Action:
    """A row of :data:`ACTIONS`.

    Attributes:
        function: the edits of chosen samples, given hardest first; their ``action`` is the name
            of the row.
        title: in lower case, as tables and figures name it.
        outcome: what a chosen sample is or has afterwards, in a word or two.
        sentence: what happens to chosen samples, to follow their description in a sentence.
        counted_as: the key of reports/evaluation/metrics.json that counts its edits.
        removes: whether the training set gets smaller.
        generates_images: whether edits ask for synthetic images.
    """

    function: Callable[[Sequence[ChosenSample], Circumstances], list[Edit]]
    title: str
    outcome: str
    sentence: str
    counted_as: str
    removes: bool = False
    generates_images: bool = False


ACTIONS = {
    "remove": Action(
        remove, "remove", "removed", "are removed", counted_as="removed", removes=True
    ),
    "replace_caption": Action(
        replace_caption,
        "replace caption",
        "new caption",
        "are given another caption of their image",
        counted_as="replaced_caption",
    ),
    "replace_image": Action(
        replace_image,
        "replace image",
        "new image",
        "are given a synthetic image",
        counted_as="replaced_image",
        generates_images=True,
    ),
}
NO_CURATION = "none"


def methods() -> tuple[str, ...]:
    """What ``curation.method`` may be: no curation, or an action."""
    return (NO_CURATION, *ACTIONS)


def method_title(method: str) -> str:
    """A method in words: ``no curation``, or an action's title."""
    return "no curation" if method == NO_CURATION else ACTIONS[method].title


def generates_images(method: str) -> bool:
    """Whether a method asks for synthetic images."""
    return method != NO_CURATION and ACTIONS[method].generates_images

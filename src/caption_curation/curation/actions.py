"""Actions: from chosen samples to proposals (paper, sections 3.2 and 3.3), pure functions.

:data:`ACTIONS` is the one place where actions are named: an action is a function and its row. What
``params.yaml`` allows as ``method``, counts, reports, comparisons and plans follow from the table.

Whatever may not be proposed again is read from a record of uses: which captions were found hard or
turned down, how many images a prompt has given. So no proposal depends on what was popped from a
shared list, and a run can be replayed from its files.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from caption_curation.curation.uses import REMOVAL, ImageUses, prompt_key
from caption_curation.edits import KEEP, Proposal
from caption_curation.samples import Sample, other_captions

NOTHING = ImageUses()  # of an image that no sample was chosen of yet


@dataclass(frozen=True)
class ChosenSample:
    """A sample that is to be curated, with the score that it was chosen by, if any."""

    sample: Sample
    score: float | None

    def propose(self, action: str, after: Sample | None, reason: str = "") -> Proposal:
        """The proposal to make ``after`` of the sample (``None``: to remove it)."""
        evidence = {} if self.score is None else {"score": self.score}
        return Proposal(action, self.sample, after, evidence, reason)

    def keep(self, reason: str) -> Proposal:
        """The proposal to leave the sample as it is, saying why."""
        return self.propose(KEEP, self.sample, reason)


@dataclass(frozen=True)
class Circumstances:
    """What an action may read.

    Attributes:
        samples: the current training set.
        losses: the current loss by sample id; empty before training.
        captions: every image's original captions, by image id.
        uses: what earlier epochs used up, by image id.
        prompt_mode: as ``prompt.mode`` says; it decides how synthetic images are numbered.
        pair_with: the caption that goes with a synthetic image, see :func:`replace_image`.
        easier_captions: among how many of the easiest captions ``random_easier`` draws; ``None``:
            among all that are easier.
        rng: for whatever the action draws.
    """

    samples: Sequence[Sample]
    losses: Mapping[str, float]
    captions: Mapping[str, Sequence[str]]
    uses: Mapping[str, ImageUses]
    prompt_mode: str
    pair_with: str
    easier_captions: int | None
    rng: np.random.Generator

    def used(self, sample: Sample) -> ImageUses:
        """What was used up of a sample's image."""
        return self.uses.get(sample.image_id, NOTHING)


def may_be_removed(sample: Sample, uses: Mapping[str, ImageUses]) -> bool:
    """Whether nobody has said that a sample is to stay."""
    rejected = uses.get(sample.image_id, NOTHING).rejected
    return (sample.sample_id, "remove", REMOVAL) not in rejected


def remove(chosen: Sequence[ChosenSample], now: Circumstances) -> list[Proposal]:
    """Drop every chosen sample."""
    return [each.propose("remove", None) for each in chosen]


def replace_caption(chosen: Sequence[ChosenSample], now: Circumstances) -> list[Proposal]:
    """Give every chosen sample a caption of its image that was never found hard, drawn at random.

    A caption that belonged to a chosen sample, after whichever epoch or in this call, is given to
    no sample of its image again, whatever became of the chosen one: so in the code that the paper's
    authors released. Each of the others may be given several times, also in one call: the paper
    speaks of a duplicate (section 3.2). A sample whose image has none left is kept, and so is one
    for which all that are left were turned down.

    Args:
        chosen: hardest first.
        now: captions, uses and rng are read.
    """
    hard_now = {(each.sample.image_id, each.sample.caption) for each in chosen}
    proposals = []
    for each in chosen:
        sample, used = each.sample, now.used(each.sample)
        easy = [
            caption
            for caption in dict.fromkeys(now.captions[sample.image_id])
            if caption not in used.hard and (sample.image_id, caption) not in hard_now
        ]
        allowed = [
            caption
            for caption in easy
            if (sample.sample_id, "replace_caption", caption) not in used.rejected
        ]
        if not allowed:
            which = "that was not chosen before was rejected" if easy else "was chosen before"
            proposals.append(each.keep(f"every caption of the image {which}"))
            continue
        caption = allowed[now.rng.integers(len(allowed))]
        proposals.append(each.propose("replace_caption", replace(sample, caption=caption)))
    return proposals


def replace_image(chosen: Sequence[ChosenSample], now: Circumstances) -> list[Proposal]:
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
    asked: dict[tuple[str, str], int] = {}  # in this call: images of an image's prompt
    siblings: dict[str, list[Sample]] = {}
    if now.pair_with != "keep":
        for sample in now.samples:
            siblings.setdefault(sample.image_id, []).append(sample)
    proposals = []
    for each in chosen:
        sample, captions = each.sample, now.captions[each.sample.image_id]
        if now.prompt_mode == "others" and not other_captions(sample, captions):
            proposals.append(each.keep("the image has no other caption to generate from"))
            continue
        caption = sample.caption
        if now.pair_with != "keep":
            caption = _easier_caption(sample, siblings[sample.image_id], now)
        after = replace(sample, caption=caption, file=None)
        key = prompt_key(after, now.prompt_mode, captions)
        number = asked.get((sample.image_id, key), now.used(sample).replicates.get(key, 0))
        asked[sample.image_id, key] = number + 1
        proposals.append(each.propose("replace_image", replace(after, replicate=number)))
    return proposals


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
        function: the proposals for chosen samples, given hardest first; their ``action`` is the
            name of the row.
        title: in lower case, as tables and figures name it.
        outcome: what a chosen sample is or has afterwards, in a word or two.
        sentence: what happens to chosen samples, to follow their description in a sentence.
        counted_as: the key of reports/evaluation/metrics.json that counts its edits.
        removes: whether the training set gets smaller.
        generates_images: whether it asks for synthetic images.
    """

    function: Callable[[Sequence[ChosenSample], Circumstances], list[Proposal]]
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

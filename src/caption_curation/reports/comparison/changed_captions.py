"""The same test image captioned without and with curation, as the paper's figure 4.

The paper shows images where curation helped. Here the largest changes stand in both directions, by
the CIDEr of the image, between runs of one seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from caption_curation.coco_format import read_results
from caption_curation.experiments.finished import FinishedExperiment, Unusable
from caption_curation.experiments.runs import Run
from caption_curation.experiments.variants import Variant
from caption_curation.reports.comparison.tables import NONE, of_one_arithmetic
from caption_curation.reports.page.html import embedded_picture
from caption_curation.reports.page.words import Words, differing_words
from caption_curation.samples import CaptionedImage, read_images

MOST_SHOWN = 6  # gains, and as many losses
LONGEST_SIDE = 320  # pixels; larger photographs are made smaller for the page


@dataclass(frozen=True)
class Change:
    """A test image with two captions; ``change`` is that of its CIDEr, -10 to 10."""

    image_id: str
    without: str
    curated: str
    ciders: tuple[float, float]

    @property
    def change(self) -> float:
        return self.ciders[1] - self.ciders[0]

    @property
    def words(self) -> tuple[Words, Words]:
        """The words of both captions, and which of them the other does not have at this place."""
        return differing_words(self.without, self.curated)


def largest_changes(
    without: Mapping[str, str],
    curated: Mapping[str, str],
    ciders: Mapping[str, tuple[float, float]],
    most: int,
) -> tuple[list[Change], list[Change]]:
    """The images whose CIDEr rises most, and those where it falls most, the largest change first.

    Args:
        without, curated: captions by image id.
        ciders: of both captions, by image id.
        most: how many of each; fewer where no more rise or fall.
    """
    changes = [
        Change(image_id, without[image_id], curated[image_id], of_image)
        for image_id, of_image in ciders.items()
    ]
    by_change = sorted(changes, key=lambda change: -change.change)
    gains = [change for change in by_change if change.change > 0]
    losses = [change for change in reversed(by_change) if change.change < 0]
    return gains[:most], losses[:most]


def changed_captions(
    runs: Sequence[Run], variants: Sequence[Variant]
) -> tuple[list[dict[str, Any]], list[str]]:
    """What the page shows of every variant, and, as notes, why it shows nothing of some.

    Args:
        runs: of one setting.
        variants: compared with no curation, by the runs of their lowest common seed.

    Returns:
        ``variant``, ``seed``, ``images`` (how many there are), ``better`` and ``worse`` (how many
        of them have a higher or a lower CIDEr), and ``groups``: ``gains`` and ``losses``, lists of
        ``change``, ``references`` and ``picture``; and the notes.
    """
    shown: list[dict[str, Any]] = []
    notes: list[str] = []
    for variant in variants:
        pair = _pair(runs, variant)
        if variant == NONE or pair is None:
            continue
        try:
            shown.append({"variant": variant, "seed": pair[0].seed, **_compared(*pair)})
        except Unusable as reason:
            notes.append(f"captions without and with curation, side by side: {reason}")
    return shown, list(dict.fromkeys(notes))


def _pair(runs: Sequence[Run], variant: Variant) -> tuple[Run, Run] | None:
    """The run without curation and that of the variant of the lowest seed that both have.

    Both were computed in the same arithmetic. Of several generators it is the first.
    """
    own = [run for run in runs if run.variant == variant]
    curated = {run.seed: run for run in sorted(own, key=lambda run: -(run.generator or 0))}
    partners = of_one_arithmetic(curated.values(), runs)
    none = {run.seed: run for run in partners if run.variant == NONE}
    seeds = none.keys() & curated.keys()
    return (none[min(seeds)], curated[min(seeds)]) if seeds else None


def _compared(without: Run, curated: Run) -> dict[str, Any]:
    ciders = [_ciders(run) for run in (without, curated)]
    source = without.experiment
    captions = [
        read_results(run.experiment.path("reports/evaluation", "captions/test.json"))
        for run in (without, curated)
    ]
    images = {
        image.image_id: image for image in read_images(source.path("data/corpus", "test.jsonl"))
    }
    both = {image_id: (ciders[0][image_id], ciders[1][image_id]) for image_id in images}
    gains, losses = largest_changes(captions[0], captions[1], both, MOST_SHOWN)
    return {
        "images": len(images),
        "better": sum(after > before for before, after in both.values()),
        "worse": sum(after < before for before, after in both.values()),
        "groups": {
            name: [_shown(source, images[change.image_id], change) for change in changes]
            for name, changes in (("gains", gains), ("losses", losses))
        },
    }


def _ciders(run: Run) -> dict[str, float]:
    if run.images is None or "cider" not in run.images.sums:
        raise Unusable(f"{run.name} has no scores of single images; run it again")
    return dict(zip(run.images.image_ids, run.images.sums["cider"][:, 0].tolist(), strict=True))


def _shown(source: FinishedExperiment, image: CaptionedImage, change: Change) -> dict[str, Any]:
    file = source.path("data/corpus", f"images/{image.file_name}")
    return {
        "change": change,
        "references": image.captions,
        "picture": embedded_picture(file, LONGEST_SIDE),
    }

"""Does the selection find noise? The chosen samples against what the demo world spoilt on purpose.

Planted noise is known for the demo only, and no stage before the report reads it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from caption_curation.samples import (
    CaptionedImage,
    Edit,
    Sample,
    apply_edits,
    edits_by_epoch,
    samples_of,
)

IMAGE_KINDS = frozenset({"mismatched_image"})  # the image is wrong; of other kinds, the caption is
ANY_KIND = "any"


@dataclass(frozen=True)
class PlantedNoise:
    """Which captions and which images of the training split are wrong.

    ``captions`` maps (image id, caption) to the kind of noise, ``images`` an image id.
    """

    captions: Mapping[tuple[str, str], str]
    images: Mapping[str, str]

    def kinds(self, sample: Sample) -> set[str]:
        """The noise that a sample has in its present state; empty for a good one.

        Noise stays with what is wrong: that of a caption goes where the caption goes, and that of
        an image ends when a synthetic image takes its place.
        """
        kinds = set()
        if kind := self.captions.get((sample.image_id, sample.caption)):
            kinds.add(kind)
        if sample.replicate is None and (kind := self.images.get(sample.image_id)):
            kinds.add(kind)
        return kinds


@dataclass(frozen=True)
class AuditRow:
    """The selection after one epoch against one kind of noise; all four are numbers of samples."""

    epoch: int
    kind: str
    samples: int  # there were to choose from
    chosen: int
    planted: int  # of the samples, those with this noise
    found: int  # of the planted, those chosen

    @property
    def base_rate(self) -> float:
        """Fraction of all samples with this noise: the precision of a random choice."""
        return self.planted / self.samples

    @property
    def precision(self) -> float:
        """Fraction of the chosen samples with this noise."""
        return self.found / self.chosen

    @property
    def recall(self) -> float | None:
        """Fraction of this noise that was chosen; ``None`` when none is left."""
        return self.found / self.planted if self.planted else None


def planted_noise(
    records: Iterable[Mapping[str, str]], images: Iterable[CaptionedImage]
) -> PlantedNoise:
    """The planted noise of a training split.

    Args:
        records: ``sample_id`` and ``kind`` of every noisy sample.
        images: the training split.
    """
    samples = {sample.sample_id: sample for sample in samples_of(images)}
    of_captions: dict[tuple[str, str], str] = {}
    of_images: dict[str, str] = {}
    for record in records:
        sample = samples[record["sample_id"]]
        if record["kind"] in IMAGE_KINDS:
            of_images[sample.image_id] = record["kind"]
        else:
            of_captions[sample.image_id, sample.caption] = record["kind"]
    return PlantedNoise(of_captions, of_images)


def training_sets(
    images: Iterable[CaptionedImage], edits: Iterable[Edit], epochs: int
) -> dict[int, list[Sample]]:
    """By epoch, the samples that the curation after it chose from; 0 is before training.

    The training set of epoch e is therefore the one that epoch e was trained on.
    """
    by_epoch = edits_by_epoch(edits)
    sets = {0: samples_of(images)}
    for epoch in range(epochs):
        sets[epoch + 1] = apply_edits(sets[epoch], by_epoch.get(epoch, []))
    return sets


def audit_selection(
    sets: Mapping[int, Sequence[Sample]],
    edits: Iterable[Edit],
    noise: PlantedNoise,
    epochs: Iterable[int],
) -> list[AuditRow]:
    """Rows for every epoch: each kind of noise, then any of them.

    Args:
        sets: the samples to choose from, by epoch.
        edits: the whole edit log; a sample that was chosen but kept counts as chosen.
        noise: what was planted.
        epochs: those of interest; one that chose nothing has rows too.
    """
    by_epoch = edits_by_epoch(edits)
    chosen = {epoch: {edit.sample_id for edit in by_epoch.get(epoch, [])} for epoch in set(epochs)}
    all_kinds = sorted({*noise.captions.values(), *noise.images.values()})
    rows = []
    for epoch, ids in sorted(chosen.items()):
        kinds_of = {sample.sample_id: noise.kinds(sample) for sample in sets[epoch]}
        for kind in [*all_kinds, ANY_KIND]:
            planted = {
                sample_id
                for sample_id, kinds in kinds_of.items()
                if kind in kinds or (kind == ANY_KIND and kinds)
            }
            found = len(planted & ids)
            rows.append(AuditRow(epoch, kind, len(kinds_of), len(ids), len(planted), found))
    return rows

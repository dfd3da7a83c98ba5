"""Does the selection find noise? The chosen samples against the noise planted in the demo world.

Planted noise is known for the demo only, and no stage before the report reads it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from caption_curation.edits import Edit, apply_edits, edits_by_epoch
from caption_curation.samples import CaptionedImage, Sample, samples_of

IMAGE_KINDS = frozenset({"mismatched_image"})  # the image is wrong; in all other kinds, the caption
ANY_KIND = "any"


@dataclass(frozen=True)
class PlantedNoise:
    """Which captions and which images of the training split are wrong.

    ``captions`` maps (image id, caption) to the kind of noise, ``images`` an image id.
    """

    captions: Mapping[tuple[str, str], str]
    images: Mapping[str, str]

    def kinds(self, sample: Sample) -> set[str]:
        """The kinds of noise that a sample has in its current state; empty for a clean one.

        Noise stays with what is wrong: a caption's moves with the caption, and an image's ends
        when a synthetic image replaces it.
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
    samples: int  # to choose from
    chosen: int
    planted: int  # samples with this noise
    found: int  # samples with this noise that were chosen

    @property
    def base_rate(self) -> float:
        """Fraction of all samples that have this noise: the precision of a random choice."""
        return self.planted / self.samples

    @property
    def precision(self) -> float:
        """Fraction of the chosen samples that have this noise."""
        return self.found / self.chosen

    @property
    def recall(self) -> float | None:
        """Fraction of the samples with this noise that were chosen; ``None`` if there are none."""
        return self.found / self.planted if self.planted else None


def planted_noise(
    records: Collection[Mapping[str, str]], images: Iterable[CaptionedImage]
) -> PlantedNoise:
    """The planted noise of a training split.

    Args:
        records: ``sample_id`` and ``kind`` of every noisy sample.
        images: the training split.
    """
    noisy = {record["sample_id"].rpartition("#")[0] for record in records}
    of_noisy = samples_of(image for image in images if image.image_id in noisy)
    samples = {sample.sample_id: sample for sample in of_noisy}
    wrong_captions: dict[tuple[str, str], str] = {}
    wrong_images: dict[str, str] = {}
    for record in records:
        sample = samples[record["sample_id"]]
        if record["kind"] in IMAGE_KINDS:
            wrong_images[sample.image_id] = record["kind"]
        else:
            wrong_captions[sample.image_id, sample.caption] = record["kind"]
    return PlantedNoise(wrong_captions, wrong_images)


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
        epochs: those of interest; one after which nothing was chosen has rows too.
    """
    chosen = {
        epoch: {edit.sample_id for edit in made} for epoch, made in edits_by_epoch(edits).items()
    }
    return audit_chosen(sets, chosen, noise, epochs)


def audit_chosen(
    sets: Mapping[int, Sequence[Sample]],
    chosen: Mapping[int, Collection[str]],
    noise: PlantedNoise,
    epochs: Iterable[int],
) -> list[AuditRow]:
    """The same of sample ids that were, or would be, chosen after each epoch."""
    all_kinds = sorted({*noise.captions.values(), *noise.images.values()})
    rows = []
    for epoch in sorted(set(epochs)):
        ids = set(chosen.get(epoch, ()))
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

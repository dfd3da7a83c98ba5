"""The samples of one epoch with what the captioner loses on each, for people to look at.

A run of COCO has 566,000 of them: what is held of a loss is one number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from sys import intern

from caption_curation import paths
from caption_curation.curation.scores import LOSS_UNITS, SCORES, Score
from caption_curation.experiments.results import Results
from caption_curation.samples import (
    Sample,
    iterate_json_lines,
    read_images,
    read_samples,
    samples_of,
)


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another caption of a sample's image.

    ``loss`` is that of the sample that has it now, as :attr:`EpochSamples.loss_unit` says; ``None``
    where no sample has it, or nothing has been trained yet.
    """

    caption: str
    loss: float | None


@dataclass(frozen=True)
class EpochSamples:
    """What the captioner was trained on in an epoch (0: what it is trained on first).

    Attributes:
        results: the run.
        epoch: from 0.
        samples: as they were in this epoch, before its edits.
        losses: after the epoch, by sample id; empty before training.
        captions: every image's original captions, by image id.
    """

    results: Results
    epoch: int
    samples: Sequence[Sample]
    losses: Mapping[str, float]
    captions: Mapping[str, Sequence[str]]

    @property
    def score(self) -> Score:
        """The one that the run chooses by."""
        return SCORES[self.results.curation.score]

    @property
    def loss_unit(self) -> str:
        """Of the losses."""
        return LOSS_UNITS[self.score.loss]

    @cached_property
    def _by_image(self) -> dict[str, list[Sample]]:
        by_image: dict[str, list[Sample]] = {}
        for sample in self.samples:
            by_image.setdefault(sample.image_id, []).append(sample)
        return by_image

    def siblings(self, sample: Sample) -> list[Sibling]:
        """The other captions of a sample's image, each once: those of samples, then the rest."""
        found: dict[str, float | None] = {}
        for other in self._by_image[sample.image_id]:
            if other.caption != sample.caption:
                found.setdefault(other.caption, self.losses.get(other.sample_id))
        for caption in self.captions[sample.image_id]:
            if caption != sample.caption:
                found.setdefault(caption, None)
        return [Sibling(caption, loss) for caption, loss in found.items()]


def read_epoch_samples(results: Results, epoch: int) -> EpochSamples:
    """The samples of an epoch.

    Args:
        results: the run.
        epoch: from 0, at most the number of epochs.

    Raises:
        InputError: a file is not there.
    """
    images = read_images(results.find(paths.CORPUS / "train.jsonl"))
    measure = SCORES[results.curation.score].loss
    losses = {}
    if epoch:
        samples = read_samples(results.find(paths.samples(epoch - 1)))
        losses = {
            intern(record["sample_id"]): float(record[measure])
            for record in iterate_json_lines(results.find(paths.losses(epoch)))
        }
    else:
        samples = samples_of(images)
    captions = {image.image_id: image.captions for image in images}
    return EpochSamples(results, epoch, samples, losses, captions)

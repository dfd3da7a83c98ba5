"""From states and sizes to amounts of work, hours and disk space: pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from caption_curation.config.params import Params
from caption_curation.experiments.planning.bounds import (
    Bounds,
    at_most,
    exactly,
    remaining,
    training_samples,
)
from caption_curation.experiments.planning.corpus_size import CorpusSize
from caption_curation.experiments.planning.forecast import State

# Files of an epoch in fp32: the captioner, and AdamW's two moments of every parameter.
CAPTIONERS_AN_EPOCH = 3
CHECKPOINTS_AT_ONCE = 2  # a new one is written whole before the one before it is removed
# Checkpoints of the generator's fine-tuning, in networks in fp32: weights, their average, and two
# moments. A captioner's are as large as the files of an epoch.
NETWORKS_OF_CHECKPOINTS = CHECKPOINTS_AT_ONCE * 4


@dataclass(frozen=True)
class Work:
    """Something that takes a GPU's time; ``per_second`` is ``None`` where nobody measured it.

    ``name`` is also what a measured or given throughput is known by.
    """

    name: str
    amount: Bounds
    unit: str
    per_second: float | None

    @property
    def hours(self) -> tuple[float, float] | None:
        """Least and most, or ``None`` where it is not known; nothing to do takes no time."""
        if not self.amount.most:
            return (0.0, 0.0)
        if self.per_second is None:
            return None
        least, most = (
            number / self.per_second / 3600 for number in (self.amount.least, self.amount.most)
        )
        return least, most


GENERATING, TRAINING, SCORING = "generate images", "train the captioner", "score the samples"
CAPTIONING, FINE_TUNING = "caption images", "fine-tune the generator"


def work_of(
    params: Params,
    states: Mapping[str, State],
    corpus: CorpusSize,
    images: Bounds,
    throughput: Mapping[str, float],
) -> list[Work]:
    """All work on models that is left to do, in the order of the pipeline.

    Args:
        params: the experiment and its profile.
        states: of the stages.
        corpus: its size.
        images: to generate.
        throughput: amounts per second by the names of work, where known.
    """
    epochs = range(1, params.experiment.training.epochs + 1)
    sizes = training_samples(
        params.experiment.curation, params.profile.curation, corpus.samples, len(epochs)
    )
    settings = params.profile.generator.fine_tuning
    validations = [states[f"validate@{epoch}"] for epoch in (0, *epochs)]
    captioned = remaining([exactly(corpus.val)] * len(validations), validations)
    captioned += remaining([exactly(corpus.test)], [states["caption_test"]])
    amounts = [
        (
            FINE_TUNING,
            remaining(
                [exactly(settings.steps * settings.batch_size)], [states["finetune_generator"]]
            ),
            "images",
        ),
        (GENERATING, images, "images"),
        (TRAINING, remaining(sizes, [states[f"train@{epoch}"] for epoch in epochs]), "pairs"),
        (SCORING, remaining(sizes, [states[f"score@{epoch}"] for epoch in epochs]), "pairs"),
        (CAPTIONING, captioned, "images"),
    ]
    return [Work(name, amount, unit, throughput.get(name)) for name, amount, unit in amounts]


def total_hours(work: Sequence[Work]) -> tuple[float, float]:
    """Least and most hours of the work whose throughput is known."""
    known = [item.hours for item in work if item.hours is not None]
    return sum(least for least, _ in known), sum(most for _, most in known)


@dataclass(frozen=True)
class Space:
    """Disk space that something new takes, in bytes; ``None`` where it is not known."""

    name: str
    number: Bounds
    bytes_each: float | None

    @property
    def bytes(self) -> tuple[float, float] | None:
        """Least and most."""
        if not self.number.most:
            return (0.0, 0.0)
        if self.bytes_each is None:
            return None
        return self.number.least * self.bytes_each, self.number.most * self.bytes_each


def space_of(
    params: Params,
    states: Mapping[str, State],
    images: Bounds,
    *,
    image_bytes: float | None,
    captioner_bytes: float | None,
    network_bytes: float | None,
) -> list[Space]:
    """What the work leaves in DVC's cache, which the workspace links to, and needs meanwhile.

    Args:
        params: of the experiment.
        states: of the stages.
        images: to generate.
        image_bytes: of one image.
        captioner_bytes: of the captioner's weights.
        network_bytes: in fp32, of what is trained of the generator.
    """
    # Without steps the generator's files are those of its base, which DVC's cache holds once.
    fine_tuned = remaining(
        [exactly(min(1, params.profile.generator.fine_tuning.steps))],
        [states["finetune_generator"]],
    )
    trained = [
        states[f"train@{epoch}"] for epoch in range(1, params.experiment.training.epochs + 1)
    ]
    captioners = remaining([exactly(1)] * len(trained), trained)
    return [
        Space("images", images, image_bytes),
        Space(
            "captioners with their optimizers, one an epoch",
            captioners,
            captioner_bytes and CAPTIONERS_AN_EPOCH * captioner_bytes,
        ),
        Space(
            "checkpoints of one, until it is trained",
            at_most(min(1, captioners.most)),  # none where an epoch is short
            captioner_bytes and CHECKPOINTS_AT_ONCE * CAPTIONERS_AN_EPOCH * captioner_bytes,
        ),
        Space("the generator's network, fine-tuned", fine_tuned, network_bytes),
        Space(
            "its checkpoints, until it is",
            fine_tuned,
            network_bytes and NETWORKS_OF_CHECKPOINTS * network_bytes,
        ),
    ]

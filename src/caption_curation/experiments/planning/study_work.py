"""What the experiments of a study cost together, each result that they share counted once.

What decides a result is its key: experiments that agree in it have it in common. So are all dynamic
experiments of a seed alike up to the end of epoch 1, and all experiments of a generator share its
fine-tuning and its images.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from caption_curation.config.params import Params
from caption_curation.curation.actions import NO_CURATION, generates_images
from caption_curation.experiments.planning.bounds import (
    Bounds,
    at_most,
    exactly,
    total,
    training_samples,
)
from caption_curation.experiments.planning.corpus_size import CorpusSize
from caption_curation.experiments.planning.images import (
    asked_before_training,
    image_asked_for,
    new_images,
)
from caption_curation.experiments.planning.work import (
    CAPTIONERS_AN_EPOCH,
    CAPTIONING,
    CHECKPOINTS_AT_ONCE,
    FINE_TUNING,
    GENERATING,
    NETWORKS_OF_CHECKPOINTS,
    SCORING,
    TRAINING,
    Space,
    Work,
)
from caption_curation.experiments.variants import variant_of


@dataclass(frozen=True)
class Costed:
    """An experiment, and the size of its corpus."""

    params: Params
    corpus: CorpusSize


@dataclass(frozen=True)
class Amounts:
    """What a study's experiments do, shared results once.

    Attributes:
        generators: number of those that are fine-tuned.
        fine_tuning: images that they are fine-tuned on, repeated ones too.
        images: to draw.
        pairs: (image, caption) pairs that captioners are trained on, and that are then scored.
        captions: images of the validation and test splits to caption.
        captioners: number of them, one an epoch.
    """

    generators: int
    fine_tuning: Bounds
    images: Bounds
    pairs: Bounds
    captions: Bounds
    captioners: int


def amounts_of(todo: Sequence[Costed], done: Sequence[Costed]) -> Amounts:
    """What is left to do.

    Args:
        todo: experiments to run.
        done: those that have finished, whose results the others find in DVC's cache.
    """
    generators = _without(_generators(todo), _generators(done))
    epochs = _without(_epochs(todo), _epochs(done))
    validated = _without(_validated(todo), _validated(done))
    return Amounts(
        len(generators),
        total(generators.values()),
        _images(todo, done),
        total(epochs.values()),
        total(validated.values()) + _tested(todo),
        len(epochs),
    )


def work_of_study(amounts: Amounts, throughput: Mapping[str, float]) -> list[Work]:
    """All work on models, in the order of the pipeline.

    Args:
        amounts: from :func:`amounts_of`.
        throughput: amounts per second by the names of work, where known.
    """
    parts = [
        (FINE_TUNING, amounts.fine_tuning, "images"),
        (GENERATING, amounts.images, "images"),
        (TRAINING, amounts.pairs, "pairs"),
        (SCORING, amounts.pairs, "pairs"),
        (CAPTIONING, amounts.captions, "images"),
    ]
    return [Work(name, amount, unit, throughput.get(name)) for name, amount, unit in parts]


def space_of_study(
    amounts: Amounts,
    *,
    image_bytes: float | None,
    captioner_bytes: float | None,
    network_bytes: float | None,
) -> list[Space]:
    """What the work leaves in DVC's cache, and needs meanwhile.

    Args:
        amounts: from :func:`amounts_of`.
        image_bytes: of one image.
        captioner_bytes: of the captioner's weights.
        network_bytes: in fp32, of what is trained of the generator.
    """
    return [
        Space("images", amounts.images, image_bytes),
        Space(
            "captioners with their optimizers, one an epoch",
            exactly(amounts.captioners),
            captioner_bytes and CAPTIONERS_AN_EPOCH * captioner_bytes,
        ),
        Space(
            "checkpoints of one, until it is trained",
            at_most(min(1, amounts.captioners)),  # none where an epoch is short
            captioner_bytes and CHECKPOINTS_AT_ONCE * CAPTIONERS_AN_EPOCH * captioner_bytes,
        ),
        Space("generators' networks, fine-tuned", exactly(amounts.generators), network_bytes),
        Space(
            "checkpoints of one, until it is",
            exactly(min(1, amounts.generators)),
            network_bytes and NETWORKS_OF_CHECKPOINTS * network_bytes,
        ),
    ]


def _without(
    todo: Mapping[Hashable, Bounds], done: Mapping[Hashable, Bounds]
) -> dict[Hashable, Bounds]:
    return {key: amount for key, amount in todo.items() if key not in done}


# ----------------------------------------------------------------- what decides a result


def _generator_key(params: Params) -> Hashable:
    profile = params.profile
    source = profile.generator_data
    # The whole training split, whatever part of it the captioner is trained on.
    own = profile.data.model_dump(exclude={"train_fraction"}) if source.source == "same" else None
    section = profile.generator.model_dump(include={"base", "image_size", "fine_tuning"})
    experiment = params.experiment
    inputs = experiment.inputs
    files = inputs.generator, inputs.annotations if own else inputs.generator_annotations
    return repr((section, experiment.generator_seed, source.model_dump(), own, files))


def _images_key(params: Params) -> Hashable:
    """What two experiments must agree in for an image of the one to be an image of the other."""
    experiment = params.experiment
    own = params.profile.data.model_dump(exclude={"train_fraction"})
    corpus = own, experiment.inputs.annotations
    quality = params.profile.generator.jpeg_quality
    return repr((_generator_key(params), experiment.prompt, experiment.synthesis, corpus, quality))


def _start_key(params: Params) -> Hashable:
    """What decides the captioner of the first epoch, of an experiment that has curated nothing."""
    profile, training = params.profile, params.experiment.training
    inputs = params.experiment.inputs
    files = inputs.annotations, inputs.captioner, inputs.tokenizer
    parts = (profile.data, profile.captioner, training.model_dump(exclude={"epochs"}), files)
    return repr(parts), params.experiment.seed


def _epoch_keys(params: Params) -> list[Hashable]:
    """What decides the captioner of every epoch."""
    curation, start = params.experiment.curation, _start_key(params)
    curated = variant_of(curation), repr(params.profile.curation)
    drawn = _images_key(params) if generates_images(curation.method) else None
    static = curation.method != NO_CURATION and curation.schedule == "static"
    return [
        (start, epoch, *((*curated, drawn) if epoch > 1 or static else ()))
        for epoch in range(1, params.experiment.training.epochs + 1)
    ]


# -------------------------------------------------------------------------------- amounts


def _generators(experiments: Iterable[Costed]) -> dict[Hashable, Bounds]:
    return {
        _generator_key(each.params): exactly(settings.steps * settings.batch_size)
        for each in experiments
        for settings in [each.params.profile.generator.fine_tuning]
    }


def _epochs(experiments: Iterable[Costed]) -> dict[Hashable, Bounds]:
    """Samples that each captioner is trained on."""
    found: dict[Hashable, Bounds] = {}
    for each in experiments:
        experiment = each.params.experiment
        sizes = training_samples(
            experiment.curation,
            each.params.profile.curation,
            each.corpus.samples,
            experiment.training.epochs,
        )
        found |= zip(_epoch_keys(each.params), sizes, strict=True)
    return found


def _validated(experiments: Iterable[Costed]) -> dict[Hashable, Bounds]:
    """Images that each captioner captions of the validation split, the base captioner too."""
    found: dict[Hashable, Bounds] = {}
    for each in experiments:
        base = repr((each.params.profile.data, each.params.profile.captioner))
        found |= dict.fromkeys([base, *_epoch_keys(each.params)], exactly(each.corpus.val))
    return found


def _tested(experiments: Sequence[Costed]) -> Bounds:
    """Of the test split; experiments whose best epoch is the first may share it."""
    first = {_epoch_keys(each.params)[0]: each.corpus.test for each in experiments}
    return Bounds(sum(first.values()), sum(each.corpus.test for each in experiments))


def _images(todo: Sequence[Costed], done: Sequence[Costed]) -> Bounds:
    drawing = [each for each in todo if _draws(each)]
    there = {_images_key(each.params) for each in done if _draws(each)}
    groups: dict[Hashable, list[Costed]] = {}
    for each in drawing:
        groups.setdefault(_images_key(each.params), []).append(each)
    counts = [
        at_most(count.most) if key in there else count
        for key, group in groups.items()
        for count in [_images_of_group(group)]
    ]
    return total(counts)


def _draws(each: Costed) -> bool:
    return generates_images(each.params.experiment.curation.method)


def _images_of_group(group: Sequence[Costed]) -> Bounds:
    """Of experiments that share their images: no fewer than one of them draws, no more than all.

    Nor are there more than each sample can ask for: one after every epoch at which it is chosen.
    """
    known: set[Hashable] = set()
    unknown: list[Bounds] = []
    most_epochs = 1
    for each in group:
        experiment, training = each.params.experiment, each.corpus.training
        static = experiment.curation.schedule == "static"
        asked = asked_before_training(training, experiment) if static and training else None
        if asked is not None:
            known |= {image_asked_for(sample, experiment.prompt.mode) for sample in asked}
            continue
        epochs = 1 if static else experiment.training.epochs - 1
        most_epochs = max(most_epochs, epochs)
        steps = range(experiment.training.epochs)
        details = each.params.profile.curation
        counts = [
            new_images(experiment.curation, details, each.corpus.samples, step) for step in steps
        ]
        unknown.append(total(counts))
    least = max([len(known), *(count.least for count in unknown)])
    most = len(known) + total(unknown).most
    if not unknown:
        return exactly(len(known))
    return Bounds(least, min(most, most_epochs * max(each.corpus.samples for each in group)))

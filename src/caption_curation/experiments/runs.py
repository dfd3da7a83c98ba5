"""One finished experiment in numbers: all that tables and figures need, and no more.

A run of COCO has half a million samples and every epoch a loss for each; what is kept of them here
are counts.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from caption_curation import paths
from caption_curation.audit.choices import Choice, audit_choices
from caption_curation.audit.selection import (
    AuditRow,
    PlantedNoise,
    audit_selection,
    planted_noise,
    training_sets,
)
from caption_curation.config.languages import ENGLISH
from caption_curation.curation.actions import NO_CURATION
from caption_curation.curation.settings import Curation, CurationDetails
from caption_curation.edits import Edit, edits_by_epoch, read_edits
from caption_curation.evaluation.arithmetic import RunClasses
from caption_curation.experiments.arithmetic import classes_of
from caption_curation.experiments.comparability import FRACTION
from caption_curation.experiments.finished import FinishedExperiment, NotWritten, Unusable
from caption_curation.experiments.variants import Variant, generator_of, variant_of
from caption_curation.metrics.coco.unicode_words import lengths_in_words
from caption_curation.metrics.resampling import ImageStatistics, read_image_statistics
from caption_curation.samples import (
    CaptionedImage,
    Sample,
    read_images,
    read_json_lines,
    read_losses,
)


@dataclass(frozen=True)
class LengthCounts:
    """Caption lengths at the time of choosing: number of words → number of samples."""

    chosen: Counter[int]
    others: Counter[int]


@dataclass(frozen=True)
class Run:
    """A finished experiment.

    Attributes:
        name: of the experiment.
        seed: of the captioner's training and of curation.
        variant: what its curation does.
        curation: all parameters of it.
        profile: name of the profile.
        setting: what experiments of other settings differ in, in words that begin with the
            profile; only runs of one setting may be compared with each other.
        scores: of the test split, on the scale of the formulas; ``None``: not computed.
        best_epoch: the one whose captioner was tested.
        losses: rows of reports/evaluation/losses.json: the distribution of the loss per token of
            every epoch.
        experiment: what it was read from, for what is read of few runs only.
        generator: ``generator_seed`` of the images that it shows; ``None``: it shows none.
        validation: scores of the validation split, of the best epoch; otherwise as ``scores``.
        chosen_share: part of the samples that was chosen, 0 to 1, a mean over the epochs after
            which there was a choice; ``None`` without any.
        summed_losses: rows of summed_losses.json, of the loss with label smoothing; empty where
            it was not written.
        hard_samples: rows of hard_samples.json; as empty.
        training_sets: by epoch, the number of ``samples``, unique ``images`` and ``captions``, and
            ``texts``; as empty.
        corpus_lengths: number of words → captions of the corpus's training split.
        lengths: by epoch after which samples were chosen (0: before training).
        audit: what was chosen against planted noise; empty where none is known.
        choices: what each score and rule would choose by this run's losses, against planted
            noise; of runs without curation only.
        images: what the test scores are made of, image by image; ``None`` of experiments that
            finished before it was recorded.
        language: of all captions.
        classes: the numerical classes in which its results were computed, by kind.
    """

    name: str
    seed: int
    variant: Variant
    curation: Curation
    profile: str
    setting: str
    scores: Mapping[str, float | None]
    best_epoch: int
    losses: Sequence[Mapping[str, float]]
    experiment: FinishedExperiment
    generator: int | None = None
    validation: Mapping[str, float | None] = field(default_factory=dict)
    chosen_share: float | None = None
    summed_losses: Sequence[Mapping[str, float]] = ()
    hard_samples: Sequence[Mapping[str, float]] = ()
    training_sets: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    corpus_lengths: Counter[int] = field(default_factory=Counter)
    lengths: Mapping[int, LengthCounts] = field(default_factory=dict)
    audit: Sequence[AuditRow] = ()
    choices: Sequence[Choice] = ()
    images: ImageStatistics | None = None
    language: str = ENGLISH
    classes: RunClasses = field(default_factory=dict)

    @property
    def train_fraction(self) -> float:
        """The part of the corpus's training images that it was trained on."""
        return float(self.experiment.setting.get(f"profiles/{self.profile}.yaml: {FRACTION}", 1))


def read_run(experiment: FinishedExperiment, curation: Curation, setting: str) -> Run:
    """The numbers of a finished experiment.

    Args:
        experiment: as DVC recorded it.
        curation: its validated section ``curation``.
        setting: its label.

    Raises:
        Unusable: an artifact is not in DVC's cache, or the profile has no test split.
    """
    metrics = _json(experiment, "reports/evaluation", "metrics.json")
    if not metrics["test"]:
        raise Unusable("its profile has no test split to compare")
    history = _history(experiment)
    edits = read_edits(*edit_files(experiment))
    train = read_images(experiment.path("data/corpus", "train.jsonl"))
    noise = _noise(experiment, train)
    sets = training_sets(train, edits, experiment.epochs) if edits or noise else {}
    seed = int(experiment.parameters["seed"])
    choices: list[Choice] = []
    if noise and curation.method == NO_CURATION:
        losses = {
            epoch: read_losses(experiment.path(history, f"losses-{epoch}.jsonl"))
            for epoch in range(1, experiment.epochs + 1)
        }
        choices = audit_choices(sets, losses, noise, curation, _details(experiment), seed)
    return Run(
        name=experiment.name,
        seed=seed,
        variant=variant_of(curation, experiment.given),
        curation=curation,
        profile=str(experiment.parameters["profile"]),
        setting=setting,
        scores=metrics["test"],
        best_epoch=metrics["best_epoch"],
        losses=_json(experiment, "reports/evaluation", "losses.json"),
        validation=metrics["val"],
        chosen_share=chosen_share(metrics["curation"], curation, experiment.epochs),
        summed_losses=_rows(experiment, "reports/evaluation", "summed_losses.json"),
        hard_samples=_rows(experiment, "reports/evaluation", "hard_samples.json"),
        training_sets={
            int(name.removeprefix("epoch_")): counts
            for name, counts in metrics.get("training_sets", {}).items()
        },
        corpus_lengths=Counter(
            lengths_in_words(
                [caption for image in train for caption in image.captions], experiment.language
            )
        ),
        lengths=caption_lengths(sets, edits, experiment.language),
        audit=audit_run(sets, edits, noise, curation, experiment.epochs) if noise else [],
        choices=choices,
        images=_images(experiment),
        language=experiment.language,
        classes=classes_of(experiment),
        experiment=experiment,
        generator=generator_of(variant_of(curation), experiment.generator_seed),
    )


def edit_files(experiment: FinishedExperiment) -> list[Path]:
    """Where the edits of each epoch lie in DVC's cache.

    Raises:
        Unusable: the cache does not have them, or they are of a version that wrote other files.
    """
    try:
        history = _history(experiment)
        return [experiment.path(history, name) for name in paths.edit_logs(experiment.epochs)]
    except NotWritten as error:
        raise Unusable(
            "its files are of an earlier version of this project, which cannot be read any more; "
            "run it again"
        ) from error


def _history(experiment: FinishedExperiment) -> str:
    return paths.history(experiment.epochs).as_posix()


def chosen_share(counts: Mapping[str, Any], curation: Curation, epochs: int) -> float | None:
    """Part of the samples that was chosen, a mean over the epochs after which there was a choice.

    Args:
        counts: the key ``curation`` of reports/evaluation/metrics.json.
        curation: method and schedule say after which epochs there was a choice.
        epochs: number of epochs; nothing is chosen after the last.

    Returns:
        0 to 1; ``None`` where there was no choice.
    """
    of_epochs = [counts[f"epoch_{epoch}"] for epoch in epochs_with_a_choice(curation, epochs)]
    return fmean(of["chosen"] / of["samples"] for of in of_epochs) if of_epochs else None


def epochs_with_a_choice(curation: Curation, epochs: int) -> list[int]:
    """After which epochs samples are chosen, if any; 0: before training."""
    if curation.method == NO_CURATION:
        return []
    return [0] if curation.schedule == "static" else list(range(1, epochs))


def _details(experiment: FinishedExperiment) -> CurationDetails:
    """How the experiment curated; before it was recorded, there was but one way."""
    section = f"profiles/{experiment.parameters['profile']}.yaml: curation."
    before = {"rounding": "floor", "easier_captions": None}
    return CurationDetails.model_validate(
        {key: experiment.setting.get(section + key, value) for key, value in before.items()}
    )


def audit_run(
    sets: Mapping[int, Sequence[Sample]],
    edits: Iterable[Edit],
    noise: PlantedNoise,
    curation: Curation,
    epochs: int,
) -> list[AuditRow]:
    """What a run chose against planted noise, of every epoch after which it had a choice.

    An epoch after which it chose nothing counts too: without its zeros, a mean over seeds would be
    one over those that chose.

    Args:
        sets: the samples to choose from, by epoch.
        edits: the whole edit log.
        noise: what was planted.
        curation: method and schedule say after which epochs there was a choice.
        epochs: number of epochs; nothing is chosen after the last.
    """
    return audit_selection(sets, edits, noise, epochs_with_a_choice(curation, epochs))


def caption_lengths(
    sets: Mapping[int, Sequence[Sample]], edits: Iterable[Edit], language: str
) -> dict[int, LengthCounts]:
    """Lengths of the captions of chosen and of other samples, of the epochs that chose any.

    Args:
        sets: the samples to choose from, by epoch.
        edits: the whole edit log.
        language: of the captions.
    """
    lengths = {}
    for epoch, made in sorted(edits_by_epoch(edits).items()):
        ids = {edit.sample_id for edit in made}
        counts = LengthCounts(Counter(), Counter())
        words = lengths_in_words([sample.caption for sample in sets[epoch]], language)
        for sample, length in zip(sets[epoch], words, strict=True):
            group = counts.chosen if sample.sample_id in ids else counts.others
            group[length] += 1
        lengths[epoch] = counts
    return lengths


def _noise(experiment: FinishedExperiment, train: Sequence[CaptionedImage]) -> PlantedNoise | None:
    """The planted noise; ``None`` where none is known, as for a corpus of photographs."""
    if "data/ground_truth" not in experiment.outputs:
        return None
    try:
        records = read_json_lines(experiment.path("data/ground_truth", "noise.jsonl"))
    except NotWritten:
        return None
    return planted_noise(records, train) if records else None


def _images(experiment: FinishedExperiment) -> ImageStatistics | None:
    try:
        file = experiment.path("reports/evaluation", "images.jsonl")
        return read_image_statistics(file, experiment.language)
    except NotWritten:
        return None


def _rows(experiment: FinishedExperiment, output: str, file: str) -> list[dict[str, float]]:
    """The rows of a file that earlier versions did not write; empty for theirs."""
    try:
        rows: list[dict[str, float]] = _json(experiment, output, file)
    except NotWritten:
        return []
    return rows


def _json(experiment: FinishedExperiment, output: str, file: str) -> Any:
    return json.loads(experiment.path(output, file).read_text(encoding="utf-8"))

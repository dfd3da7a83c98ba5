"""One run, as its report reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from caption_curation.audit.selection import PlantedNoise, planted_noise
from caption_curation.config.params import Params
from caption_curation.curation.scores import SCORES, LossMeasure
from caption_curation.evaluation.arithmetic import Results
from caption_curation.ground_truth.judge import GroundTruth
from caption_curation.samples import CaptionedImage, Sample, samples_of


@dataclass(frozen=True)
class Run:
    """Everything that a report is made from, as the stages before it wrote it.

    Attributes:
        metrics: reports/evaluation/metrics.json.
        epoch_rows: reports/evaluation/epochs.json, one row an epoch.
        hard_samples: reports/evaluation/hard_samples.json, one row a pair of epochs and fraction.
        base_cider: validation CIDEr before fine-tuning.
        losses: the files of the losses after each epoch, from 1; too many to be held at once.
        edits: the files of the edits after each epoch but the last, from 0; likewise.
        synthesis: ``prompts``, ``too_long``, ``most_tokens``, ``redrawn`` of the images that were
            drawn after each epoch.
        gallery: ``sample_id``, ``epoch``, ``key``, ``prompt`` of the synthetic images at hand.
        train, test: the images of these splits.
        test_captions: generated captions by image id.
        noise: ``sample_id`` and ``kind`` of planted noise; empty for a real corpus.
        scenes: ``image_id`` and ``shown`` scene of its images; empty for a real corpus.
        verdicts: ``sample_id`` and ``faults`` of the last epoch's training set; as empty.
        photographs, synthetic: the folders of the corpus's and the gallery's images.
        classes: the numerical classes that each result was computed in.
        corpus: what the corpus holds several times: "findings" of reports/corpus/corpus.json.
    """

    params: Params
    metrics: Mapping[str, Any]
    epoch_rows: Sequence[Mapping[str, float]]
    hard_samples: Sequence[Mapping[str, float]]
    base_cider: float
    losses: Mapping[int, Path]
    edits: Sequence[Path]
    synthesis: Mapping[int, Mapping[str, int]]
    gallery: Sequence[Mapping[str, Any]]
    train: Sequence[CaptionedImage]
    test: Sequence[CaptionedImage]
    test_captions: Mapping[str, str]
    noise: Sequence[Mapping[str, str]]
    scenes: Sequence[Mapping[str, Any]]
    verdicts: Sequence[Mapping[str, Any]]
    photographs: Path
    synthetic: Path
    classes: Results
    corpus: Mapping[str, Any]

    @property
    def measure(self) -> LossMeasure:
        """The loss that the report is about: the one that goes with the experiment's score."""
        return SCORES[self.params.experiment.curation.score].loss

    @property
    def epochs(self) -> int:
        """The number of epochs."""
        return len(self.losses)

    @cached_property
    def file_names(self) -> dict[str, str]:
        """The photographs of the training split, by image id."""
        return {image.image_id: image.file_name for image in self.train}

    @cached_property
    def originals(self) -> dict[str, Sample]:
        """The training split as it was, by sample id."""
        return {sample.sample_id: sample for sample in samples_of(self.train)}

    @cached_property
    def planted(self) -> PlantedNoise:
        """The planted noise; none for a real corpus."""
        return planted_noise(self.noise, self.train)

    @cached_property
    def truth(self) -> GroundTruth | None:
        """What is known of the corpus's images; ``None`` for a real corpus."""
        return GroundTruth(self.scenes) if self.scenes else None

    @cached_property
    def curated_epochs(self) -> dict[int, dict[str, int]]:
        """The counts of the epochs after which samples were chosen."""
        counts = {epoch: self.metrics["curation"][f"epoch_{epoch}"] for epoch in range(self.epochs)}
        return {epoch: of for epoch, of in counts.items() if of["chosen"]}

"""The report: one page that needs nothing but itself, made from what the run has written."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup

from caption_curation import figures
from caption_curation.audit import (
    PlantedNoise,
    audit_selection,
    planted_noise,
    training_sets,
)
from caption_curation.descriptions import (
    EDIT_TITLES,
    METHOD_TITLES,
    NOISE_LABELS,
    describe_curation,
    describe_synthesis,
    loss_measure,
    loss_unit,
)
from caption_curation.examples import (
    EditExample,
    caption_examples,
    edit_examples,
    loss_changes,
)
from caption_curation.ground_truth import GroundTruth
from caption_curation.pages import embedded_picture, template_environment
from caption_curation.params import HubModel, LocalModel, Params
from caption_curation.randomness import generator_for
from caption_curation.repairs import NO_NOISE, Repair, judge_edit, repair_table
from caption_curation.samples import CaptionedImage, Edit, Sample, SampleLoss

LONGEST_SIDE = 384  # pixels; larger photographs are made smaller for the page
EXAMPLES_IN_ALL = 18  # edits shown, shared out among the epochs
CAPTIONS_SHOWN = {"any_of": 6, "extremes": 3}


@dataclass(frozen=True)
class Run:
    """Everything that a report is made from, as the stages before it wrote it.

    Attributes:
        metrics: reports/evaluation/metrics.json.
        epoch_rows: reports/evaluation/epochs.json, one row an epoch.
        base_cider: validation CIDEr before fine-tuning.
        losses: by epoch from 1.
        edits: the whole edit log.
        synthesis: ``prompts``, ``too_long``, ``most_tokens``, ``redrawn`` of the training set's
            synthetic images.
        gallery: ``sample_id``, ``epoch``, ``key``, ``prompt`` of the synthetic images at hand.
        train, test: the images of these splits.
        test_captions: generated captions by image id.
        noise: ``sample_id`` and ``kind`` of planted noise; empty for a real corpus.
        scenes: ``image_id`` and ``shown`` scene of its images; empty for a real corpus.
        verdicts: ``sample_id`` and ``faults`` of the last epoch's training set; as empty.
        photographs, synthetic: the folders of the corpus's and the gallery's images.
    """

    params: Params
    metrics: Mapping[str, Any]
    epoch_rows: Sequence[Mapping[str, float]]
    base_cider: float
    losses: Mapping[int, Sequence[SampleLoss]]
    edits: Sequence[Edit]
    synthesis: Mapping[str, int]
    gallery: Sequence[Mapping[str, Any]]
    train: Sequence[CaptionedImage]
    test: Sequence[CaptionedImage]
    test_captions: Mapping[str, str]
    noise: Sequence[Mapping[str, str]]
    scenes: Sequence[Mapping[str, Any]]
    verdicts: Sequence[Mapping[str, Any]]
    photographs: Path
    synthetic: Path

    @property
    def measure(self) -> str:
        """The loss that the report is about: ``loss_mean`` or ``loss_sum``."""
        return loss_measure(self.params.experiment.curation.score)

    @cached_property
    def loss_of(self) -> dict[int, dict[str, float]]:
        """That loss by epoch and sample id, in nats."""
        return {
            epoch: {row.sample_id: getattr(row, self.measure) for row in rows}
            for epoch, rows in self.losses.items()
        }

    @cached_property
    def training_sets(self) -> dict[int, list[Sample]]:
        """By epoch, the samples that the curation after it chose from."""
        return training_sets(self.train, self.edits, len(self.losses))

    @cached_property
    def originals(self) -> dict[str, Sample]:
        """The training split as it was, by sample id."""
        return {sample.sample_id: sample for sample in self.training_sets[0]}

    @cached_property
    def truth(self) -> GroundTruth | None:
        """What is known of the corpus's images; ``None`` for a real corpus."""
        return GroundTruth(self.scenes) if self.scenes else None

    @cached_property
    def chosen(self) -> dict[int, set[str]]:
        """By epoch, the ids of the samples chosen after it; only epochs that chose any."""
        chosen: dict[int, set[str]] = {}
        for edit in self.edits:
            chosen.setdefault(edit.epoch, set()).add(edit.sample_id)
        return chosen


def build_report(run: Run) -> str:
    """The page, as HTML.

    Text that comes from data is escaped by the template engine; images and figures are part of
    the page, so that it can be read offline and sent by mail.
    """
    environment = template_environment(
        "caption_curation",
        {
            "score": lambda value: "–" if value is None else f"{100 * value:.1f}",
            "loss": lambda value: f"{value:.2f}",
            "share": lambda value: f"{100 * value:.{0 if value >= 0.0995 else 1}f} %",
            "count": lambda value: f"{value:,}",
        },
    )
    return environment.get_template("report.html").render(page_content(run)) + "\n"


def page_content(run: Run) -> dict[str, Any]:
    """What the template shows, in the order of the page."""
    experiment = run.params.experiment
    curation = experiment.curation
    return {
        "title": METHOD_TITLES[curation.method],
        "description": describe_curation(curation, experiment.prompt.mode),
        "experiment": experiment,
        "epochs": len(run.losses),
        "metrics": run.metrics,
        "metric_labels": figures.METRIC_LABELS,
        "base_cider": run.base_cider,
        "clip": _clip_name(run.params),
        "unit": loss_unit(run.measure),
        "edit_titles": EDIT_TITLES,
        "figures": _figures(run),
        "curated": _curated_epochs(run),
        "edited": sum(edit.action != "keep" for edit in run.edits),
        "first_training_set": len(run.training_sets[0]),
        "kept_reasons": Counter(edit.reason for edit in run.edits if edit.action == "keep"),
        "synthesis": describe_synthesis(run.synthesis, experiment.prompt),
        "loss_changes": loss_changes(run.edits, run.loss_of),
        "audit": _audit(run),
        "repairs": _repairs(run),
        "noise_labels": NOISE_LABELS,
        "edit_examples": _edit_examples(run),
        "caption_examples": _caption_examples(run),
        "parameters": {
            "params.yaml": _as_yaml(experiment.model_dump()),
            f"profiles/{experiment.profile}.yaml": _as_yaml(run.params.profile.model_dump()),
        },
    }


def _clip_name(params: Params) -> str | None:
    """Which CLIP the CLIPScores are by."""
    match params.profile.clip:
        case LocalModel(path=path):
            return path
        case HubModel(id=name, revision=revision):
            return f"{name} {revision[:8]}"
    return None


def _curated_epochs(run: Run) -> dict[int, dict[str, int]]:
    """The counts of the epochs after which samples were chosen."""
    return {epoch: run.metrics["curation"][f"epoch_{epoch}"] for epoch in sorted(run.chosen)}


def _figures(run: Run) -> dict[str, Markup]:
    """The page's figures; those about curation are missing when nothing was chosen."""
    curation = run.params.experiment.curation
    colour = figures.method_colour(curation.method, curation.score)
    losses = {epoch: list(of.values()) for epoch, of in run.loss_of.items()}
    chosen_losses = {
        epoch: [run.loss_of[epoch][sample_id] for sample_id in sorted(ids)]
        for epoch, ids in run.chosen.items()
        if epoch > 0
    }
    drawn = {
        "validation": figures.to_svg(
            figures.validation_curves(run.epoch_rows, run.metrics["best_epoch"], colour),
            "Validation scores per epoch; the numbers of the best epoch are in the table",
        ),
        "losses": figures.to_svg(
            figures.loss_distributions(
                losses,
                chosen_losses,
                unit=f"loss ({loss_unit(run.measure)})",
                deviations=curation.std,
                colour=colour,
            ),
            "Histograms of the loss of the training samples, one per epoch",
        ),
    }
    if run.chosen:
        drawn["edits"] = figures.to_svg(
            figures.edits_per_epoch(_curated_epochs(run)),
            "Bars: number of curated samples per epoch; the numbers are in the table",
        )
        lengths: dict[bool, dict[int, list[int]]] = {True: {}, False: {}}
        for epoch, ids in run.chosen.items():
            for is_chosen, group in lengths.items():
                group[epoch] = [
                    len(sample.caption.split())
                    for sample in run.training_sets[epoch]
                    if (sample.sample_id in ids) is is_chosen
                ]
        drawn["lengths"] = figures.to_svg(
            figures.caption_lengths(lengths[True], lengths[False], colour),
            "Histograms of caption length, of chosen and of other samples, one per epoch",
        )
    return {name: Markup(svg) for name, svg in drawn.items()}


def _audit(run: Run) -> list[dict[str, Any]]:
    """The selection against planted noise, by epoch; empty where none is known."""
    if not run.noise:
        return []
    noise = planted_noise(run.noise, run.train)
    rows = audit_selection(run.training_sets, run.edits, noise, {edit.epoch for edit in run.edits})
    return [
        {"epoch": epoch, "rows": [row for row in rows if row.epoch == epoch]}
        for epoch in sorted(run.chosen)
    ]


def _repairs(run: Run) -> dict[str, Any] | None:
    """What became of spoilt and good samples; ``None`` where the truth is not known."""
    if run.truth is None:
        return None
    originals = list(run.originals.values())
    right = {record["sample_id"]: not record["faults"] for record in run.verdicts}
    return {
        "rows": repair_table(originals, run.edits, planted_noise(run.noise, run.train), right),
        "before": (sum(not run.truth.faults(sample) for sample in originals), len(originals)),
        "after": (sum(right.values()), len(right)),
    }


def _edit_examples(run: Run) -> list[dict[str, Any]]:
    per_epoch = 2 * max(1, EXAMPLES_IN_ALL // (2 * max(1, len(run.chosen))))
    examples = edit_examples(
        run.edits,
        run.gallery,
        run.loss_of,
        per_epoch=min(per_epoch, 6),
        rng=generator_for(run.params.experiment.seed, "report", "edits"),
    )
    noise = planted_noise(run.noise, run.train)
    return [
        {
            "example": example,
            "repair": _judge(run, example),
            "losses": [
                loss for loss in (example.loss_before, example.loss_after) if loss is not None
            ],
            "noise": _planted(run, noise, example.edit.before),
            "photograph": embedded_picture(
                run.photographs / example.edit.before.file_name, LONGEST_SIDE
            ),
            "synthetic": (
                embedded_picture(run.synthetic / example.synthetic.file_name, LONGEST_SIDE)
                if example.synthetic
                else None
            ),
        }
        for example in examples
    ]


def _planted(run: Run, noise: PlantedNoise, sample: Sample) -> list[str]:
    """The noise that was planted in a sample, in words; empty where none is known."""
    if run.truth is None and not run.noise:
        return []
    original = run.originals[sample.sample_id]
    present, planted = noise.kinds(sample), noise.kinds(original)
    labels = [NOISE_LABELS[kind] for kind in sorted(present)]
    labels += [f"{NOISE_LABELS[kind]}, replaced before" for kind in sorted(planted - present)]
    return labels or [NOISE_LABELS[NO_NOISE]]


def _judge(run: Run, example: EditExample) -> Repair | None:
    """The verdict on an edit that is shown; ``None`` where the truth is not known."""
    if run.truth is None:
        return None
    made = run.synthetic / example.synthetic.file_name if example.synthetic else None
    return judge_edit(example.edit, run.truth, made)


def _caption_examples(run: Run) -> dict[str, list[dict[str, Any]]]:
    groups = caption_examples(
        run.test,
        run.test_captions,
        **CAPTIONS_SHOWN,
        rng=generator_for(run.params.experiment.seed, "report", "captions"),
    )
    return {
        name: [
            {
                "example": example,
                "photograph": embedded_picture(
                    run.photographs / example.image.file_name, LONGEST_SIDE
                ),
            }
            for example in examples
        ]
        for name, examples in groups.items()
    }


def _as_yaml(content: Mapping[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=72)

"""The page of one run, which needs nothing but itself, made from what the run has written."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import yaml

from caption_curation.config.experiment import Prompt
from caption_curation.config.params import Params
from caption_curation.config.profile import BestEpoch, HubModel, LocalModel
from caption_curation.curation.actions import method_title
from caption_curation.curation.scores import LOSS_UNITS
from caption_curation.curation.settling import decision_on
from caption_curation.evaluation.arithmetic import describe_run
from caption_curation.image_index import present_files
from caption_curation.reports.page.descriptions import (
    describe_curation,
    describe_synthesis,
)
from caption_curation.reports.page.html import embedded_picture, template_environment
from caption_curation.reports.page.labels import (
    DECISION_LABELS,
    EDIT_LABELS,
    METRIC_LABELS,
    NOISE_LABELS,
)
from caption_curation.reports.run import truth
from caption_curation.reports.run.epochs import read_epochs
from caption_curation.reports.run.examples import EditExample, caption_examples
from caption_curation.reports.run.page_figures import run_figures
from caption_curation.reports.run.run import Run
from caption_curation.rng import rng_for

LONGEST_SIDE = 384  # pixels; larger photographs are made smaller for the page
BEST_EPOCH_BY: dict[BestEpoch, str] = {
    "cider": "CIDEr",
    "cider_and_bleu_4": "sum of CIDEr and BLEU-4",
}
CAPTIONS_SHOWN = {"any_of": 6, "extremes": 3}


def build_report(run: Run) -> str:
    """The page, as HTML.

    Text that comes from data is escaped by the template engine; images and figures are part of
    the page, so that it can be read offline and sent by mail.
    """
    environment = template_environment(
        "caption_curation.reports.run",
        {
            "score": lambda value: "–" if value is None else f"{100 * value:.1f}",
            "loss": lambda value: f"{value:.2f}",
            "share": lambda value: f"{100 * value:.{0 if value >= 0.0995 else 1}f} %",
            "count": lambda value: f"{value:,}",
            "ratio": lambda value: f"{100 * value:g} %",
        },
    )
    return environment.get_template("report.html").render(page_content(run)) + "\n"


def page_content(run: Run) -> dict[str, Any]:
    """What the template shows, in the order of the page."""
    experiment = run.params.experiment
    curation = experiment.curation
    found = read_epochs(run)
    return {
        "title": method_title(curation.method).capitalize(),
        "description": describe_curation(curation, experiment.prompt.mode),
        "arithmetic": describe_run(run.classes),
        "leaks": run.corpus["leaks"],
        "same_pictures": sum(of["groups"] for of in run.corpus["same_pictures"].values()),
        "experiment": experiment,
        "epochs": run.epochs,
        "metrics": run.metrics,
        "metric_labels": METRIC_LABELS,
        "base_cider": run.base_cider,
        "clip": _clip_name(run.params),
        "unit": LOSS_UNITS[run.measure],
        "edit_labels": EDIT_LABELS,
        "figures": run_figures(run, found),
        "curated": run.curated_epochs,
        "best_epoch_by": BEST_EPOCH_BY[run.params.profile.captioner.best_epoch],
        "edited": found.edited,
        "first_training_set": sum(len(image.captions) for image in run.train),
        "kept_reasons": found.kept_reasons,
        "people": found.people,
        "decision_labels": DECISION_LABELS,
        "synthesis": _synthesis(run.synthesis.values(), experiment.prompt),
        "loss_changes": found.changes,
        "hard_fractions": sorted({row["fraction"] for row in run.hard_samples}),
        "hard_samples": _by_epochs(run.hard_samples),
        "training_sets": list(enumerate(run.metrics["training_sets"].values(), start=1)),
        "audit": [{"epoch": epoch, "rows": rows} for epoch, rows in found.audit.items()],
        "repairs": truth.repairs(run, found.chosen),
        "noise_labels": NOISE_LABELS,
        "edit_examples": _edit_examples(run, found.examples),
        "caption_examples": _caption_examples(run),
        "parameters": {
            "params.yaml": _as_yaml(experiment.model_dump()),
            f"profiles/{experiment.profile}.yaml": _as_yaml(run.params.profile.model_dump()),
        },
    }


def _synthesis(counts: Collection[Mapping[str, int]], prompt: Prompt) -> str:
    """What was out of the ordinary with the images of all epochs, in words."""
    longest = max(of_epoch["most_tokens"] for of_epoch in counts)
    summed = {
        name: sum(of_epoch[name] for of_epoch in counts)
        for name in ("prompts", "too_long", "redrawn")
    }
    said = describe_synthesis(summed | {"most_tokens": longest}, prompt)
    if summed["too_long"] and sum(of_epoch["prompts"] > 0 for of_epoch in counts) > 1:
        said += " A prompt counts in each epoch that drew from it."
    return said


def _by_epochs(
    rows: Sequence[Mapping[str, float]],
) -> dict[tuple[float, float], dict[float, Mapping[str, float]]]:
    """A row of hard samples by its pair of epochs and its fraction."""
    pairs: dict[tuple[float, float], dict[float, Mapping[str, float]]] = {}
    for row in rows:
        pairs.setdefault((row["epoch"], row["later"]), {})[row["fraction"]] = row
    return pairs


def _clip_name(params: Params) -> str | None:
    """Which CLIP the CLIPScores are by."""
    match params.profile.clip:
        case LocalModel():
            return params.experiment.inputs.clip
        case HubModel(id=name, revision=revision):
            return f"{name} {revision[:8]}"
    return None


def _edit_examples(run: Run, examples: Sequence[EditExample]) -> list[dict[str, Any]]:
    return [
        {
            "example": example,
            "repair": truth.judge(run, example),
            "decision": decision_on(example.edit),
            "losses": [
                loss for loss in (example.loss_before, example.loss_after) if loss is not None
            ],
            "noise": truth.planted_in(run, example.edit.before),
            "photograph": _photograph(run, run.file_names[example.edit.before.image_id]),
            "synthetic": (
                embedded_picture(run.synthetic / example.synthetic.file_name, LONGEST_SIDE)
                if example.synthetic
                else None
            ),
        }
        for example in examples
    ]


def _caption_examples(run: Run) -> dict[str, list[dict[str, Any]]]:
    groups = caption_examples(
        run.test,
        run.test_captions,
        **CAPTIONS_SHOWN,
        rng=rng_for(run.params.experiment.seed, "report", "captions"),
    )
    return {
        name: [
            {
                "example": example,
                "photograph": _photograph(run, example.image.file_name),
            }
            for example in examples
        ]
        for name, examples in groups.items()
    }


def _photograph(run: Run, file_name: str) -> dict[str, Any]:
    (file,) = present_files([run.photographs / file_name])
    return embedded_picture(file, LONGEST_SIDE)


def _as_yaml(content: Mapping[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=72)

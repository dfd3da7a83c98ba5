"""The page of one run, which needs nothing but itself, made from what the run has written."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import yaml

from caption_curation.audit.selection import planted_noise
from caption_curation.config.experiment import Prompt
from caption_curation.config.params import Params
from caption_curation.config.profile import BestEpoch, HubModel, LocalModel
from caption_curation.curation.actions import ACTIONS, method_title
from caption_curation.curation.scores import LOSS_UNITS
from caption_curation.edits import BY_PERSON, KEEP, Edit
from caption_curation.image_index import present_files
from caption_curation.reports.page.descriptions import (
    describe_curation,
    describe_synthesis,
)
from caption_curation.reports.page.html import embedded_picture, template_environment
from caption_curation.reports.page.labels import (
    EDIT_LABELS,
    METRIC_LABELS,
    NOISE_LABELS,
)
from caption_curation.reports.run import truth
from caption_curation.reports.run.examples import caption_examples, edit_examples, loss_changes
from caption_curation.reports.run.page_figures import run_figures
from caption_curation.reports.run.run import Run
from caption_curation.rng import rng_for

LONGEST_SIDE = 384  # pixels; larger photographs are made smaller for the page
EXAMPLES_IN_ALL = 18  # edits shown, shared out among the epochs
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
    return {
        "title": method_title(curation.method).capitalize(),
        "description": describe_curation(curation, experiment.prompt.mode),
        "experiment": experiment,
        "epochs": len(run.losses),
        "metrics": run.metrics,
        "metric_labels": METRIC_LABELS,
        "base_cider": run.base_cider,
        "clip": _clip_name(run.params),
        "unit": LOSS_UNITS[run.measure],
        "edit_labels": EDIT_LABELS,
        "figures": run_figures(run),
        "curated": run.curated_epochs,
        "best_epoch_by": BEST_EPOCH_BY[run.params.profile.captioner.best_epoch],
        "edited": sum(edit.action != "keep" for edit in run.accepted),
        "first_training_set": len(run.training_sets[0]),
        "kept_reasons": Counter(edit.reason for edit in run.edits if edit.action == "keep"),
        "people": _decided_by_people(run.edits),
        "synthesis": _synthesis(run.synthesis.values(), experiment.prompt),
        "loss_changes": loss_changes(run.edits, run.loss_of),
        "hard_fractions": sorted({row["fraction"] for row in run.hard_samples}),
        "hard_samples": _by_epochs(run.hard_samples),
        "training_sets": list(enumerate(run.metrics["training_sets"].values(), start=1)),
        "audit": truth.audit(run),
        "repairs": truth.repairs(run),
        "noise_labels": NOISE_LABELS,
        "edit_examples": _edit_examples(run),
        "caption_examples": _caption_examples(run),
        "parameters": {
            "params.yaml": _as_yaml(experiment.model_dump()),
            f"profiles/{experiment.profile}.yaml": _as_yaml(run.params.profile.model_dump()),
        },
    }


def _decided_by_people(edits: Iterable[Edit]) -> Counter[str]:
    """What became of samples that people decided about, in words."""
    return Counter(_outcome(edit) for edit in edits if edit.decided_by == BY_PERSON)


def _outcome(edit: Edit) -> str:
    if not edit.accepted:
        return EDIT_LABELS["rejected"]
    if edit.action == KEEP:
        return EDIT_LABELS["kept"]
    # The reason names what it is in place of, if a person wanted something else.
    return f"{ACTIONS[edit.action].outcome} {edit.reason.replace('_', ' ')}".strip()


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


def _edit_examples(run: Run) -> list[dict[str, Any]]:
    per_epoch = 2 * max(1, EXAMPLES_IN_ALL // (2 * max(1, len(run.chosen))))
    examples = edit_examples(
        run.accepted,
        run.gallery,
        run.loss_of,
        per_epoch=min(per_epoch, 6),
        rng=rng_for(run.params.experiment.seed, "report", "edits"),
    )
    noise = planted_noise(run.noise, run.train)
    return [
        {
            "example": example,
            "repair": truth.judge(run, example),
            "losses": [
                loss for loss in (example.loss_before, example.loss_after) if loss is not None
            ],
            "noise": truth.planted_in(run, noise, example.edit.before),
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

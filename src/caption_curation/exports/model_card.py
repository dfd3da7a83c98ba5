"""The card of an exported captioner."""

from collections.abc import Mapping
from typing import Any

from caption_curation import paths
from caption_curation.edits import read_edits
from caption_curation.experiments.finished import FinishedExperiment, NotWritten
from caption_curation.exports.about import outcomes, parameters_told
from caption_curation.exports.card import flat, outcomes_table
from caption_curation.exports.citation import bibtex
from caption_curation.exports.found import Found
from caption_curation.exports.markdown import fenced, front_matter, literal, table
from caption_curation.exports.recipe import Recipe
from caption_curation.exports.usage import Architecture, architecture_of, usage
from caption_curation.metrics.resampling import read_image_statistics, resampled_scores
from caption_curation.reports.page.labels import METRIC_LABELS
from caption_curation.reports.page.statistics import percentile_interval, resample_counts
from caption_curation.rng import rng_for
from caption_curation.support.reading import read_json

# A line each of a score: how it is called, its value and its interval, times 100.
Scores = list[tuple[str, float, tuple[float, float] | None]]


def model_card(
    found: Found, recipe: Recipe, facts: Mapping[str, str], folder: str
) -> tuple[str, int]:
    """The text of README.md, and the epoch whose captioner it is.

    Args:
        found: the experiment whose captioner it is.
        recipe: by which it captions.
        facts: its provenance.
        folder: what the captioner's folder is called, for examples.

    Raises:
        Unusable: files are not in DVC's cache.
    """
    experiment, profile = found.experiment, found.profile
    metrics: Any = read_json(experiment.path(paths.EVALUATION.as_posix(), "metrics.json"))
    best = int(metrics["best_epoch"])
    scores, images = _scores(experiment, metrics["test"])
    edits = read_edits(
        *(
            experiment.path(paths.curated(epoch).as_posix(), paths.edits(epoch).name)
            for epoch in range(best)
        )
    )
    counted = outcomes(edits)
    architecture = architecture_of(experiment)
    title = f"Captioner of {experiment.parameters['profile']}, epoch {best}"
    parts = [
        front_matter(_head(experiment, profile, title, scores, architecture)),
        f"# {literal(title)}",
        _summary(profile, experiment, best, architecture),
        "## Use",
        usage(recipe, folder, architecture),
        "## Scores",
        _scores_text(scores, images),
        "## Training data, and how it was curated",
        _training(experiment, best),
        outcomes_table(counted) if counted else "Nothing was curated before this epoch.",
        table(("parameter", "value"), flat(parameters_told(experiment, profile))),
        table(("way of captioning", "value"), flat(recipe.model_dump())),
        "## Provenance",
        table(("what", "value"), facts.items()),
        "## Licence",
        _licence(profile),
        "## Citation",
        fenced(bibtex(), "bibtex"),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n", best


def _head(
    experiment: FinishedExperiment,
    profile: Mapping[str, Any],
    title: str,
    scores: Scores,
    architecture: Architecture,
) -> dict[str, Any]:
    base = profile["captioner"]["base"]
    head: dict[str, Any] = {
        "license": "unknown",
        "library_name": "transformers",
        "pipeline_tag": architecture.pipeline,
        "tags": ["image-captioning", "image-to-text", "data-curation", "caption-curation"],
    }
    if base["source"] == "hub":
        head["base_model"] = base["id"]
    data = str(experiment.parameters["profile"])
    head["model-index"] = [
        {
            "name": title,
            "results": [
                {
                    "task": {"type": "image-to-text", "name": "Image captioning"},
                    "dataset": {"type": data, "name": data, "split": "test"},
                    "metrics": [
                        {"type": label.lower(), "name": label, "value": round(value, 2)}
                        for label, value, _ in scores
                    ],
                }
            ],
        }
    ]
    return head


def _scores(experiment: FinishedExperiment, test: Mapping[str, Any]) -> tuple[Scores, int | None]:
    """Those of the test split, and the number of its pictures where it was recorded."""
    measured = [name for name in METRIC_LABELS if test.get(name) is not None]
    intervals: dict[str, tuple[float, float]] = {}
    images = None
    try:
        statistics = read_image_statistics(
            experiment.path(paths.EVALUATION.as_posix(), "images.jsonl"), experiment.language
        )
    except NotWritten:
        pass
    else:
        images = len(statistics.image_ids)
        counts = resample_counts(images, rng_for("model card"))
        resampled = resampled_scores(statistics, counts)
        intervals = {
            name: percentile_interval(100 * resampled[name])
            for name in measured
            if name in resampled
        }
    scores = [
        (METRIC_LABELS[name], 100 * float(test[name]), intervals.get(name)) for name in measured
    ]
    return scores, images


def _scores_text(scores: Scores, images: int | None) -> str:
    if not scores:
        return "There was no test split."
    rows = [
        (label, f"{value:.1f}", f"{interval[0]:.1f} to {interval[1]:.1f}" if interval else "")
        for label, value, interval in scores
    ]
    text = table(("score of the test split, × 100", "value", "95 % interval"), rows)
    if images is None:
        return text
    return (
        f"{text}\n\nIntervals are a bootstrap over the {images:,} test pictures. They say how much "
        "other pictures would change the score of this captioner, and nothing of what another "
        "training with another seed would give."
    )


def _summary(
    profile: Mapping[str, Any],
    experiment: FinishedExperiment,
    best: int,
    architecture: Architecture,
) -> str:
    base = profile["captioner"]["base"]
    made_from = {
        "scratch": "random weights",
        "hub": f"{base.get('id')} at {base.get('revision')}",
        "blip_checkpoint": str(base.get("file")),
    }.get(base["source"], "a folder that inputs.captioner names")
    text = (
        f"{architecture.told()}, fine-tuned from {literal(made_from)} for {best} of "
        f"{experiment.epochs} epochs, the one with the best score on the validation split. While "
        "it learned, the training samples that it found hard were curated."
    )
    adapter = profile["captioner"]["fine_tuning"].get("adapter")
    if adapter:
        text += (
            f" What was trained is a low-rank adapter (LoRA) of rank {adapter['rank']} beside the "
            f"layers {literal(', '.join(adapter['target_modules']))}; here it is merged into the "
            "model's weights, in 32 bits."
        )
    return text


def _training(experiment: FinishedExperiment, best: int) -> str:
    curation = experiment.parameters["curation"]
    return (
        f"It was trained on the corpus {literal(str(experiment.parameters['profile']))} (corpus, "
        f"parameters and digests are below), curated by the method "
        f"{literal(str(curation['method']))} with the schedule {literal(str(curation['schedule']))}"
        f". The training set of epoch N is the one after epoch N − 1: `caption-curation export "
        f"--epoch {best - 1}` writes what the last of its epochs was trained on."
    )


def _licence(profile: Mapping[str, Any]) -> str:
    base = profile["captioner"]["base"]
    of_base = (
        "It was made from random weights. "
        if base["source"] == "scratch"
        else "The licence of the model that it was made from holds for it. "
    )
    return (
        f"{of_base}The licences of the photographs, captions and synthetic pictures that it was "
        "trained on may bind what is done with it; whoever passes it on must find out."
    )

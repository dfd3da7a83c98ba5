"""The page about the round trip: one self-contained HTML file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from scipy import stats

from caption_curation.config.experiment import Synthesis
from caption_curation.config.languages import ENGLISH
from caption_curation.config.profile import BlipCheckpoint, Generator, HubModel, LocalModel
from caption_curation.metrics.languages import tokenizer_name, without_meteor
from caption_curation.paper.numbers import RoundTripResult, remarks
from caption_curation.reports.page.html import embedded_picture, template_environment
from caption_curation.reports.page.labels import METRIC_LABELS
from caption_curation.reports.page.style import INK
from caption_curation.reports.round_trip.beside_paper import PAPER_METRICS, difference_to_bound
from caption_curation.reports.round_trip.looks import Look
from caption_curation.reports.round_trip.tables import ALL, FACTS, Results
from caption_curation.reports.round_trip.truth import Tracking
from caption_curation.round_trip.items import Item
from caption_curation.round_trip.variants import OURS, PROMPTS, REAL, Variant, generator_label
from caption_curation.samples import CaptionedImage

LONGEST_SIDE = 256  # pixels; larger images are scaled down for the page
TABLE_METRICS = ("bleu_4", "cider", "meteor", "rouge_l")
# The least |ρ| that differs from zero at the 5 % level (two-sided), by number of pairs (Zar 1984).
CRITICAL_RHO = {
    5: 1.0,
    6: 0.886,
    7: 0.786,
    8: 0.738,
    9: 0.700,
    10: 0.648,
    11: 0.618,
    12: 0.587,
}


# Words for the numbers of generators and of kinds of prompts.
NUMBERS = dict(enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight"), 1))
SIDE_BY_SIDE = 3  # generators whose images fit beside prompt and real image


@dataclass(frozen=True)
class DrawnWith:
    """Attributes:
    model: what a generator is, in words.
    image_size: width and height of its images, in pixels.
    synthesis: its sampling settings.
    """

    model: str
    image_size: int
    synthesis: Synthesis


@dataclass(frozen=True)
class RoundTrip:
    """Everything that the page is made from.

    Attributes:
        profile: its name.
        language: of all captions.
        captioner: what it is, in words.
        drawing: what each generator is and draws with, in the order of tables.
        looks: of the generators, by name.
        single: as in stages/round_trip/params.yaml.
        styler: as there.
        results: the numbers.
        tracking: the scores and the truth, where it is known.
        paper: by variant name, the row of the paper's Table 1 that it repeats.
        items: by kind of prompt, the item of every image that is shown, by image id.
        examples: the images to show, in order.
        files: by variant name, ``real`` among them, the image files by item id.
        remarks: what is unusual about the synthetic images, and the variants concerned.
    """

    profile: str
    language: str
    captioner: str
    drawing: Mapping[str, DrawnWith]
    looks: Mapping[str, Look]
    single: str
    styler: str
    results: Results
    tracking: Tracking | None
    paper: Mapping[str, RoundTripResult]
    items: Mapping[str, Mapping[str, Item]]
    examples: Sequence[CaptionedImage]
    files: Mapping[str, Mapping[str, Path]]
    remarks: Mapping[str, Sequence[Variant]]


def describe_model(source: LocalModel | HubModel | BlipCheckpoint, path: str) -> str:
    """Where a model comes from, in words: the hub, or a path of the parameters."""
    if isinstance(source, HubModel):
        return f"{source.id}, revision {source.revision[:7]}"
    return path


def describe_ours(section: Generator, generator: str) -> str:
    """What ``base_generator`` or the fine-tuned ``generator`` of a profile is, in words."""
    if generator == "generator":
        steps = section.fine_tuning.steps
        return f"the base, fine-tuned for {steps:,} steps" if steps else "the base, as it is"
    if isinstance(section.base, HubModel):
        return describe_model(section.base, "")
    local = isinstance(section.base, LocalModel)
    return "a model in a folder" if local else "an untrained model, made for the profile"


def critical_rho(n: int) -> float | None:
    """The least |ρ| of ``n`` pairs that differs from zero; ``None``: there are fewer than five.

    Of more pairs than the table has, ρ is compared as Pearson's r: t = r √((n − 2) / (1 − r²)).
    """
    if n <= max(CRITICAL_RHO):
        return CRITICAL_RHO.get(n)
    t = stats.t.ppf(0.975, n - 2)
    return float(t / np.sqrt(n - 2 + t**2))


def choose_examples(
    images: Sequence[CaptionedImage], count: int, rng: np.random.Generator
) -> list[CaptionedImage]:
    """``count`` images (or all, if fewer), chosen at random, in the order of the split."""
    chosen = rng.choice(len(images), size=min(count, len(images)), replace=False)
    return [images[index] for index in sorted(chosen)]


def build_page(trip: RoundTrip, figures: Mapping[str, str]) -> str:
    """The page, as HTML; text that comes from data is escaped by the template engine.

    Args:
        trip: what to show.
        figures: ``scores`` and, where the truth is known, ``variants`` and ``images``, as SVG.
    """
    environment = template_environment(
        "caption_curation.reports.round_trip",
        {
            "score": lambda value: "–" if value is None else f"{100 * value:.1f}",
            "share": lambda value: f"{100 * value:.0f} %",
            "ink": lambda colour: "currentColor" if colour == INK else colour,
            "rho": lambda value: "–" if value is None else f"{value:.2f}".replace("-", "−"),
            "percent": lambda value: f"{value:.1f}",
            "difference": lambda value: f"{value:+.1f}".replace("-", "−"),
            "sentence": partial(_sentence, trip.results.grid.generators),
        },
    )
    results = trip.results
    grid = results.grid
    best = max(grid.variants, key=lambda variant: results.scores[variant.name]["cider"])
    content = {
        "trip": trip,
        "results": results,
        "count": len(results.of(REAL)),
        "generated": len(results.images) - len(results.of(REAL)),
        "best": best,
        "groups": {
            generator: [
                (PROMPTS[prompt].label, Variant(generator, prompt).name) for prompt in grid.prompts
            ]
            for generator in grid.generators
        },
        "titles": {generator: _title(generator) for generator in grid.generators},
        "numbers": NUMBERS,
        "many": len(grid.generators) > SIDE_BY_SIDE,
        "real": REAL,
        "metrics": {metric: METRIC_LABELS[metric] for metric in TABLE_METRICS},
        "top": {
            metric: max(results.scores[variant.name][metric] for variant in grid.variants)
            for metric in results.metrics
        },
        "tokenizer": None if trip.language == ENGLISH else tokenizer_name(trip.language),
        "no_meteor": without_meteor(trip.language),
        "facts": (*FACTS, ALL) if trip.tracking else (),
        "generators": {generator: generator_label(generator) for generator in grid.generators},
        "kinds": {prompt: PROMPTS[prompt] for prompt in grid.prompts},
        "critical": critical_rho(len(grid.variants)),
        "paper": _beside_paper(trip),
        "paper_metrics": {metric: METRIC_LABELS[metric] for metric in PAPER_METRICS},
        "paper_remarks": remarks("table_1"),
        "figures": {name: Markup(svg) for name, svg in figures.items()},
        "examples": [_example(trip, image) for image in trip.examples],
    }
    return environment.get_template("round_trip.html").render(content) + "\n"


def _beside_paper(trip: RoundTrip) -> list[dict[str, Any]]:
    """Each variant that repeats a row of the paper's Table 1: our scores and the paper's.

    Both come with their difference to their own upper bound, which itself has none; in percent.
    """
    bound = trip.results.scores[REAL]
    rows = []
    for name, row in trip.paper.items():
        scores = trip.results.scores[name]
        differences = difference_to_bound(row)
        if row.generator is None:
            label = "upper bound: real images"
        else:
            [label] = [v.label for v in trip.results.grid.variants if v.name == name]
        rows.append(
            {
                "label": label,
                "paper_name": row.generator,
                "cells": [
                    {
                        "ours": 100 * scores[metric],
                        "our_difference": (
                            100 * (scores[metric] - bound[metric]) if name != REAL else None
                        ),
                        "theirs": row.scores[metric],
                        "their_difference": differences.get(metric),
                    }
                    for metric in PAPER_METRICS
                ],
            }
        )
    return rows


def _example(trip: RoundTrip, image: CaptionedImage) -> dict[str, Any]:
    """A real image, and for each kind of prompt the prompt and each generator's image."""
    grid = trip.results.grid
    image_id = image.image_id
    return {
        "image": image,
        "real": _shown(trip, REAL, image_id),
        "rows": [
            {
                "label": PROMPTS[prompt].label,
                "prompt": trip.items[prompt][image_id].prompt,
                "generated": [
                    {
                        "generator": generator,
                        "column": _title(generator),
                        **_shown(
                            trip,
                            Variant(generator, prompt).name,
                            trip.items[prompt][image_id].item_id,
                        ),
                    }
                    for generator in grid.generators
                ],
            }
            for prompt in grid.prompts
        ],
    }


def _title(generator: str) -> str:
    """A generator in a heading; names that a user gave stay as they are."""
    return f"{OURS[generator].capitalize()} generator" if generator in OURS else generator


def _sentence(generators: Sequence[str], text: str) -> str:
    """A label that begins a line; names that a user gave stay as they are."""
    if text.partition(",")[0] in generators:
        return text
    return text[:1].upper() + text[1:]


def _shown(trip: RoundTrip, variant: str, item_id: str) -> dict[str, Any]:
    record = trip.results.by_item[variant, item_id]
    facts = record["facts"]
    return {
        **embedded_picture(trip.files[variant][item_id], LONGEST_SIDE),
        "caption": record["caption"],
        "cider": record["cider"],
        "wrong": None if facts is None else [name for name in FACTS if not facts[name]],
    }

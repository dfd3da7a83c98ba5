"""The page about the round trip: one self-contained HTML file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from caption_curation.reports.page.html import embedded_picture, template_environment
from caption_curation.reports.page.labels import METRIC_LABELS
from caption_curation.reports.round_trip.tables import ALL, FACTS, METRICS, Results
from caption_curation.reports.round_trip.truth import Tracking
from caption_curation.round_trip.variants import GENERATORS, PROMPTS, REAL, VARIANTS, Variant
from caption_curation.samples import CaptionedImage

LONGEST_SIDE = 256  # pixels; larger images are scaled down for the page
TABLE_METRICS = ("bleu_4", "cider", "meteor", "rouge_l")
PAPER_PROFILES = ("coco", "flickr30k")


@dataclass(frozen=True)
class RoundTrip:
    """Everything that the page is made from.

    Attributes:
        profile: its name.
        captioner, styler: as in stages/round_trip/params.yaml.
        synthesis: the sampling settings, by name.
        results: the numbers.
        tracking: the scores and the truth, where it is known.
        prompts: by kind of prompt, the prompt of every image by image id.
        examples: the images to show, in order.
        files: by variant name, ``real`` among them, the image files by image id.
        remarks: what is unusual about the synthetic images, and the variants concerned.
    """

    profile: str
    captioner: str
    styler: str
    synthesis: Mapping[str, object]
    results: Results
    tracking: Tracking | None
    prompts: Mapping[str, Mapping[str, str]]
    examples: Sequence[CaptionedImage]
    files: Mapping[str, Mapping[str, Path]]
    remarks: Mapping[str, Sequence[Variant]]


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
            "score": lambda value: f"{100 * value:.1f}",
            "share": lambda value: f"{100 * value:.0f} %",
            "rho": lambda value: "–" if value is None else f"{value:.2f}".replace("-", "−"),
            "sentence": lambda text: text[:1].upper() + text[1:],
        },
    )
    results = trip.results
    best = max(VARIANTS, key=lambda variant: results.scores[variant.name]["cider"])
    content = {
        "trip": trip,
        "results": results,
        "count": len(results.of(REAL)),
        "best": best,
        "groups": {
            label: [(PROMPTS[prompt].label, Variant(generator, prompt).name) for prompt in PROMPTS]
            for generator, label in GENERATORS.items()
        },
        "real": REAL,
        "metrics": {metric: METRIC_LABELS[metric] for metric in TABLE_METRICS},
        "top": {
            metric: max(results.scores[variant.name][metric] for variant in VARIANTS)
            for metric in METRICS
        },
        "facts": (*FACTS, ALL) if results.truth_is_known else (),
        "all_right": {name: results.interval_of_all_right(name) for name in results.right},
        "variants": VARIANTS,
        "generators": GENERATORS,
        "kinds": PROMPTS,
        "paper": trip.profile in PAPER_PROFILES,
        "figures": {name: Markup(svg) for name, svg in figures.items()},
        "examples": [_example(trip, image) for image in trip.examples],
    }
    return environment.get_template("round_trip.html").render(content) + "\n"


def _example(trip: RoundTrip, image: CaptionedImage) -> dict[str, Any]:
    """A real image, and for each kind of prompt the prompt and each generator's image."""
    image_id = image.image_id
    return {
        "image": image,
        "real": _shown(trip, REAL, image_id),
        "rows": [
            {
                "label": kind.label,
                "prompt": trip.prompts[prompt][image_id],
                "generated": [
                    {
                        "column": f"{name.capitalize()} generator",
                        **_shown(trip, Variant(generator, prompt).name, image_id),
                    }
                    for generator, name in GENERATORS.items()
                ],
            }
            for prompt, kind in PROMPTS.items()
        ],
    }


def _shown(trip: RoundTrip, variant: str, image_id: str) -> dict[str, Any]:
    record = trip.results.by_image[variant, image_id]
    facts = record["facts"]
    return {
        **embedded_picture(trip.files[variant][image_id], LONGEST_SIDE),
        "caption": record["caption"],
        "cider": record["cider"],
        "wrong": None if facts is None else [name for name in FACTS if not facts[name]],
    }

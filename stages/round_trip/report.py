"""The round trip as a page, figures and tables."""

import json

from caption_curation import paths
from caption_curation.config.experiment import Prompt
from caption_curation.config.params import load_params
from caption_curation.reports.page.descriptions import describe_synthesis
from caption_curation.reports.page.html import write_page_folder
from caption_curation.reports.page.style import to_svg
from caption_curation.reports.round_trip.figures import make_figures
from caption_curation.reports.round_trip.page import RoundTrip, build_page, choose_examples
from caption_curation.reports.round_trip.tables import (
    Results,
    correlations_csv,
    images_csv,
    variants_csv,
)
from caption_curation.reports.round_trip.truth import track
from caption_curation.rng import rng_for
from caption_curation.round_trip.parameters import load_round_trip
from caption_curation.round_trip.variants import PROMPTS as KINDS
from caption_curation.round_trip.variants import REAL, VARIANTS, Variant
from caption_curation.samples import read_images, read_json_lines
from stages import round_trip, run

EXAMPLES = 6


def main() -> None:
    """Write reports/round_trip: index.html, figures as PNG and SVG, tables as CSV."""
    params, settings = load_params(), load_round_trip()
    results = Results(
        json.loads((round_trip.EVALUATION / "scores.json").read_text(encoding="utf-8")),
        read_json_lines(round_trip.EVALUATION / "images.jsonl"),
    )
    tracking = track(results, rng_for("round trip", "bootstrap"))
    figures = make_figures(results, tracking, rng_for("round trip", "spread"))
    svgs = {name: to_svg(figure, text) for name, (figure, text) in figures.items()}
    validation = read_images(paths.CORPUS / "val.jsonl")
    trip = RoundTrip(
        profile=params.experiment.profile,
        captioner=settings.captioner,
        styler=settings.styler,
        synthesis=params.experiment.synthesis.model_dump(),
        results=results,
        tracking=tracking,
        prompts={kind: read_prompts(kind) for kind in KINDS},
        examples=choose_examples(validation, EXAMPLES, rng_for("round trip", "examples")),
        remarks=remarks(settings.styler, params.experiment.prompt),
        files={
            name: round_trip.image_files(name)
            for name in (REAL, *(variant.name for variant in VARIANTS))
        },
    )
    texts = {
        "index.html": build_page(trip, svgs),
        "variants.csv": variants_csv(results),
        "images.csv": images_csv(results),
        **({"correlations.csv": correlations_csv(tracking.all)} if tracking else {}),
        **{f"{name}.svg": svg for name, svg in svgs.items()},
    }
    write_page_folder(
        round_trip.REPORT, texts, {name: figure for name, (figure, _) in figures.items()}
    )
    print(round_trip.REPORT / "index.html")


def remarks(styler: str, prompt: Prompt) -> dict[str, list[Variant]]:
    """What is out of the ordinary about the drawing of some variants, and of which."""
    found: dict[str, list[Variant]] = {}
    for variant in VARIANTS:
        file = round_trip.images_folder(variant.name) / round_trip.COUNTS
        counts = json.loads(file.read_text(encoding="utf-8"))
        remark = describe_synthesis(counts, KINDS[variant.prompt].settings(styler, prompt))
        if remark:
            found.setdefault(remark, []).append(variant)
    return found


def read_prompts(kind: str) -> dict[str, str]:
    """The prompts of a kind, by image id."""
    records = read_json_lines(round_trip.PROMPTS / f"{kind}.jsonl")
    return {record["image_id"]: record["prompt"] for record in records}


if __name__ == "__main__":
    run(main)

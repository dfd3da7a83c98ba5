"""The round trip as a page, figures and tables."""

import json
from pathlib import Path

from caption_curation import paths
from caption_curation.config.experiment import Prompt
from caption_curation.config.params import Params, load_params
from caption_curation.pictures.reading import read_picture
from caption_curation.reports.page.descriptions import describe_synthesis
from caption_curation.reports.page.html import write_page_folder
from caption_curation.reports.page.style import to_svg
from caption_curation.reports.round_trip.beside_paper import paper_rows
from caption_curation.reports.round_trip.figures import make_figures
from caption_curation.reports.round_trip.looks import looks_of
from caption_curation.reports.round_trip.page import (
    DrawnWith,
    RoundTrip,
    build_page,
    choose_examples,
    describe_model,
    describe_ours,
)
from caption_curation.reports.round_trip.tables import (
    Results,
    correlations_csv,
    images_csv,
    variants_csv,
)
from caption_curation.reports.round_trip.truth import track
from caption_curation.rng import rng_for
from caption_curation.round_trip.items import Item, one_of_each
from caption_curation.round_trip.parameters import OTHER_CAPTIONER, load_round_trip
from caption_curation.round_trip.parameters import RoundTrip as Settings
from caption_curation.round_trip.variants import PROMPTS as KINDS
from caption_curation.round_trip.variants import REAL, Grid, Variant
from caption_curation.samples import read_images, read_json_lines
from stages import round_trip, run

EXAMPLES = 6


def main() -> None:
    """Write reports/round_trip: index.html, figures as PNG and SVG, tables as CSV."""
    params, settings = load_params(), load_round_trip()
    grid = settings.grid
    results = Results(
        grid,
        json.loads((round_trip.EVALUATION / "scores.json").read_text(encoding="utf-8")),
        read_json_lines(round_trip.EVALUATION / "images.jsonl"),
    )
    tracking = track(results, rng_for("round trip", "bootstrap"))
    looks = looks_of(list(settings.other_generators))
    figures = make_figures(results, looks, tracking, rng_for("round trip", "spread"))
    svgs = {name: to_svg(figure, text) for name, (figure, text) in figures.items()}
    validation = read_images(paths.CORPUS / "val.jsonl")
    paper = paper_rows(params, settings)
    inputs = params.experiment.inputs
    captioner = settings.captioner
    if Path(captioner) == OTHER_CAPTIONER:
        captioner = describe_model(settings.other_captioner, inputs.other_captioner)
    trip = RoundTrip(
        profile=params.experiment.profile,
        language=params.experiment.evaluation.language,
        captioner=captioner,
        drawing={name: drawn_with(name, grid, params, settings) for name in grid.generators},
        looks=looks,
        single=settings.single,
        styler=settings.styler,
        results=results,
        tracking=tracking,
        paper=paper,
        items={kind: shown_items(kind) for kind in grid.prompts},
        examples=choose_examples(validation, EXAMPLES, rng_for("round trip", "examples")),
        remarks=remarks(grid, settings.styler, params.experiment.prompt),
        files={
            name: round_trip.image_files(name)
            for name in (REAL, *(variant.name for variant in grid.variants))
        },
    )
    texts = {
        "index.html": build_page(trip, svgs),
        "variants.csv": variants_csv(results, tracking.all_right if tracking else {}, paper),
        "images.csv": images_csv(results),
        **({"correlations.csv": correlations_csv(tracking.all)} if tracking else {}),
        **{f"{name}.svg": svg for name, svg in svgs.items()},
    }
    write_page_folder(
        round_trip.REPORT, texts, {name: figure for name, (figure, _) in figures.items()}
    )
    print(round_trip.REPORT / "index.html")


def drawn_with(name: str, grid: Grid, params: Params, settings: Settings) -> DrawnWith:
    """What a generator is and draws with; the size is that of its images."""
    other = settings.other_generators.get(name)
    some = next(iter(round_trip.image_files(Variant(name, grid.prompts[0]).name).values()))
    return DrawnWith(
        model=(
            describe_model(other.model, other.folder)
            if other
            else describe_ours(params.profile.generator, name)
        ),
        image_size=read_picture(some).width,
        synthesis=settings.synthesis_of(name, params.experiment.synthesis),
    )


def remarks(grid: Grid, styler: str, prompt: Prompt) -> dict[str, list[Variant]]:
    """What is out of the ordinary about the drawing of some variants, and of which."""
    found: dict[str, list[Variant]] = {}
    for variant in grid.variants:
        file = round_trip.images_folder(variant.name) / round_trip.COUNTS
        counts = json.loads(file.read_text(encoding="utf-8"))
        remark = describe_synthesis(counts, KINDS[variant.prompt].settings(styler, prompt))
        if remark:
            found.setdefault(remark, []).append(variant)
    return found


def shown_items(kind: str) -> dict[str, Item]:
    """The item of each image that the page shows, by image id."""
    records = read_json_lines(round_trip.PROMPTS / f"{kind}.jsonl")
    return {image_id: Item(**record) for image_id, record in one_of_each(records).items()}


if __name__ == "__main__":
    run(main)

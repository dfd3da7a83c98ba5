"""Which figures the page of a run has, and the numbers in them."""

from markupsafe import Markup

from caption_curation.curation.scores import LOSS_UNITS
from caption_curation.reports.page.labels import method_colour
from caption_curation.reports.page.style import to_svg
from caption_curation.reports.run import figures
from caption_curation.reports.run.epochs import Findings
from caption_curation.reports.run.run import Run


def run_figures(run: Run, found: Findings) -> dict[str, Markup]:
    """The page's figures; those about curation are missing when nothing was chosen."""
    curation = run.params.experiment.curation
    colour = method_colour(curation.method, curation.score)
    svgs = {
        "validation": to_svg(
            figures.validation_curves(run.epoch_rows, run.metrics["best_epoch"], colour),
            "Validation scores per epoch; the numbers of the best epoch are in the table",
        ),
        "losses": to_svg(
            figures.loss_distributions(
                found.losses,
                found.chosen_losses,
                unit=f"loss ({LOSS_UNITS[run.measure]})",
                deviations=curation.std,
                colour=colour,
            ),
            "Histograms of the loss of the training samples, one per epoch",
        ),
    }
    if found.lengths:
        svgs["edits"] = to_svg(
            figures.edits_per_epoch(run.curated_epochs),
            "Bars: number of curated samples per epoch; the numbers are in the table",
        )
        svgs["lengths"] = to_svg(
            figures.caption_lengths(found.lengths, found.other_lengths, colour),
            "Histograms of caption length, of chosen and of other samples, one per epoch",
        )
    return {name: Markup(svg) for name, svg in svgs.items()}

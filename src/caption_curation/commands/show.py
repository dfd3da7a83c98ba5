"""``caption-curation show``: samples of a run as a page with images, and as a CSV file."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from caption_curation.commands.words import check_checkout, example

if TYPE_CHECKING:
    from caption_curation.experiments.results import Results
    from caption_curation.reports.samples.choice import ShownSample

show = typer.Typer(
    help="Show samples of a run: a page with images, and a CSV file.", no_args_is_help=True
)

FOLDER = Path("reports/shown")
Number = Annotated[
    int, typer.Option(metavar="N", min=1, help="How many of an epoch, at most; the hardest first.")
]
Of = Annotated[
    int | None,
    typer.Option(metavar="E", min=0, help="Only those of the edits after this epoch; 0: before."),
]
Experiment = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="A finished experiment, read from DVC's cache; HEAD is the commit's own run. Without "
        "it: what lies in the workspace.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="The page's folder, by default one in reports/shown."),
]


@show.command(epilog=example("show hardest --epoch 2 --number 50"))
def hardest(
    epoch: Annotated[int, typer.Option(metavar="E", min=0, help="After which epoch.")],
    number: Number = 50,
    experiment: Experiment = None,
    out: Out = None,
) -> None:
    """Show the samples with the highest scores after an epoch.

    Also those that curation did not choose. Where a run chooses at random, by the loss per token.
    """
    from caption_curation.reports.samples.choice import hardest_samples

    _show(
        f"The hardest samples after epoch {epoch}",
        out or FOLDER / f"hardest-{epoch}",
        experiment,
        lambda results: hardest_samples(results, epoch, number),
    )


@show.command(epilog=example("show edits --experiment mine"))
def edits(
    epoch: Of = None, number: Number = 50, experiment: Experiment = None, out: Out = None
) -> None:
    """Show edits, accepted or turned down, with their samples before and after."""
    from caption_curation.reports.samples.choice import edited_samples

    _show(
        "Edits",
        out or FOLDER / "edits",
        experiment,
        lambda results: edited_samples(results, epoch, number),
    )


@show.command(epilog=example("show removed --epoch 1 --number 100"))
def removed(
    epoch: Of = None, number: Number = 50, experiment: Experiment = None, out: Out = None
) -> None:
    """Show the samples that were removed."""
    from caption_curation.reports.samples.choice import removed_samples

    _show(
        "Removed samples",
        out or FOLDER / "removed",
        experiment,
        lambda results: removed_samples(results, epoch, number),
    )


def _show(
    title: str,
    folder: Path,
    experiment: str | None,
    choose: "Callable[[Results], list[ShownSample]]",
) -> None:
    check_checkout()

    from caption_curation.experiments.results import results_of
    from caption_curation.reports.page.html import check_page_folder
    from caption_curation.reports.samples.page import PAGE, TABLE, write_samples

    check_page_folder(folder, {PAGE, TABLE}, "page of samples")
    results = results_of(experiment)
    samples = choose(results)
    write_samples(folder, title, results, samples)
    print(f"{len(samples)} sample(s) of {results.title}\n{folder / PAGE}\n{folder / TABLE}")

"""``caption-curation plan``."""

from typing import Annotated

import typer

from caption_curation.commands.words import above_zero, check_checkout


def plan(
    measure: Annotated[
        int | None,
        typer.Option(
            metavar="[N]", min=1, help="Time N batches of each kind of work here; without N, four."
        ),
    ] = None,
    images_per_second: Annotated[
        float | None,
        typer.Option(metavar="X", callback=above_zero, help="Images generated per second."),
    ] = None,
    pairs_per_second: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            callback=above_zero,
            help="(image, caption) pairs that the captioner is trained on per second.",
        ),
    ] = None,
) -> None:
    """Say what `dvc repro` would run, generate and cost as params.yaml stands.

    Nothing is changed. Hours are those of one GPU, or of this machine where it has none, at the
    speeds that you give or that --measure finds.
    """
    import shutil
    from pathlib import Path

    check_checkout()

    from caption_curation.config.params import load_params
    from caption_curation.experiments.planning.forecast import open_forecast
    from caption_curation.experiments.planning.plan import make_plan
    from caption_curation.experiments.planning.table import plan_text
    from caption_curation.experiments.planning.work import GENERATING, TRAINING

    params = load_params()
    given = {GENERATING: images_per_second, TRAINING: pairs_per_second}
    speeds = {name: speed for name, speed in given.items() if speed}
    with open_forecast() as forecast:
        found = make_plan(params, forecast, speeds, measure)
        print(plan_text(found, shutil.disk_usage(Path()).free))

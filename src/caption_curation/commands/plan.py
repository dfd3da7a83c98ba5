"""``caption-curation plan``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from caption_curation.commands.words import GROUPS, above_zero, check_checkout
from caption_curation.support.errors import InputError

if TYPE_CHECKING:
    from caption_curation.config.params import Params


def plan(
    study: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE...", help="Price the experiments of a study instead, without running any."
        ),
    ] = None,
    groups: Annotated[list[str] | None, GROUPS] = None,
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
    speeds that you give, that --measure finds, or that `python -m benchmarks gpu` has found of the
    very models; other models' are not known. With --study it is what the experiments of a study
    cost together that have not finished.
    """
    import shutil

    check_checkout()

    from caption_curation.config.params import load_params
    from caption_curation.experiments.planning.work import GENERATING, TRAINING

    params = load_params()
    given = {GENERATING: images_per_second, TRAINING: pairs_per_second}
    speeds = {name: speed for name, speed in given.items() if speed}
    free = shutil.disk_usage(Path()).free
    if study:
        print(_plan_of_study(study, groups, params, speeds, measure, free))
        return
    if groups:
        raise InputError("--groups: name the study too, with --study")

    from caption_curation.experiments.planning.forecast import open_forecast
    from caption_curation.experiments.planning.plan import make_plan
    from caption_curation.experiments.planning.table import plan_text

    with open_forecast() as forecast:
        found = make_plan(params, forecast, speeds, measure)
        print(plan_text(found, free))


def _plan_of_study(
    files: Sequence[Path],
    groups: Sequence[str] | None,
    params: "Params",
    speeds: Mapping[str, float],
    batches: int | None,
    free: float,
) -> str:
    from caption_curation.experiments.finished import Repository
    from caption_curation.experiments.planning.study_cost import (
        speeds_here,
        study_text,
        with_corpora,
    )
    from caption_curation.experiments.study import load_studies
    from caption_curation.experiments.study_plan import plan as plan_study
    from caption_curation.experiments.study_runs import find_finished
    from caption_curation.support.dvc_cache import dvc_cache_folder

    planned = plan_study(load_studies(files, groups or None))
    finished = find_finished(Repository(Path(), dvc_cache_folder()), planned)
    here = speeds_here(params, [each.params for each in planned], speeds, batches)
    todo = with_corpora(each.params for each in planned if each.key not in finished)
    done = with_corpora(each.params for each in planned if each.key in finished)
    return study_text(todo, done, here, free)

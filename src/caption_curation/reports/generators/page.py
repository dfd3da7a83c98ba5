"""The page on which several generators are compared, and the same numbers as a table."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from caption_curation.config.params import Params
from caption_curation.reports.generators.comparison import Drawn, draw_all
from caption_curation.reports.generators.prompts import AskedFor, read_prompts
from caption_curation.reports.page.html import (
    check_page_folder,
    embedded_picture,
    template_environment,
    write_page_folder,
)
from caption_curation.support.errors import InputError, list_faults
from caption_curation.text_to_image.family import GENERATORS

PAGE, TABLE = "index.html", "generators.csv"
COLUMNS = (
    "generator", "pipeline", "image_size", "sampler", "steps", "guidance", "seconds_an_image",
    "too_long", "prompt", "image_id", "clipscore", "right",
)  # fmt: skip
LONGEST_SIDE = 384  # pixels of an image on the page


def compare_generators(
    models: Sequence[str], prompts: Path, params: Params, folder: Path, dvc_cache: Path
) -> list[str]:
    """Write a page with what each generator draws from the same prompts, and generators.csv.

    Args:
        models: ``NAME=FOLDER`` of each.
        prompts: see :func:`~.reports.generators.prompts.read_prompts`.
        params: how images are drawn and stored.
        folder: to write into; an existing one must be of such a comparison, or empty.
        dvc_cache: DVC's cache folder; images are linked beside it meanwhile.

    Returns:
        A line about each generator.

    Raises:
        InputError: names, folders or prompts are not as they should be.
    """
    named = _named(models)
    asked = read_prompts(prompts)
    check_page_folder(folder, [PAGE, TABLE], "comparison of generators")
    dvc_cache.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=dvc_cache) as images:
        drawn = draw_all(named, asked, params, Path(images))
        environment = template_environment(__package__, _filters())
        page = environment.get_template("generators.html").render(
            drawn=drawn,
            rows=_rows(drawn, asked),
            profile=params.experiment.profile,
            truth_is_known=any(right is not None for right in drawn[0].right),
            table=TABLE,
        )
    write_page_folder(folder, {PAGE: page, TABLE: _csv(drawn, asked)}, {})
    return [f"{each.name}: {_summary(each)}" for each in drawn]


def _named(models: Sequence[str]) -> dict[str, Path]:
    faults: list[str] = []
    named: dict[str, Path] = {}
    for argument in models:
        name, sign, folder = argument.partition("=")
        if not (name and sign and folder):
            faults.append(f"{argument!r}: expected NAME=FOLDER")
        elif name in named:
            faults.append(f"{argument!r}: the name is there twice")
        else:
            named[name] = Path(folder)
            try:
                GENERATORS.name(Path(folder))
            except InputError as error:
                faults.append(str(error))
    if faults:
        raise InputError(list_faults("generators that cannot be compared", faults))
    return named


def _rows(drawn: Sequence[Drawn], asked: Sequence[AskedFor]) -> list[dict[str, Any]]:
    return [
        {
            "prompt": each.prompt,
            "cells": [
                {
                    "image": embedded_picture(of.files[number], LONGEST_SIDE),
                    "score": of.clip_scores[number] if of.clip_scores else None,
                    "right": of.right[number],
                }
                for of in drawn
            ],
        }
        for number, each in enumerate(asked)
    ]


def _filters() -> Mapping[str, Callable[..., Any]]:
    return {"mean": fmean, "seconds": _seconds, "share": _share}


def _seconds(value: float) -> str:
    return f"{value:.3g} s"


def _share(right: Sequence[bool | None]) -> str:
    known = [each for each in right if each is not None]
    return f"{sum(known)} of {len(known)}"


def _summary(each: Drawn) -> str:
    parts = [f"{_seconds(each.seconds)} an image"]
    if each.clip_scores:
        parts.append(f"CLIPScore {fmean(each.clip_scores):.3f}")
    if any(right is not None for right in each.right):
        parts.append(f"{_share(each.right)} images right")
    return ", ".join(parts + each.passed_over)


def _csv(drawn: Sequence[Drawn], asked: Sequence[AskedFor]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for of in drawn:
        synthesis = of.synthesis
        how = (synthesis.sampler, synthesis.steps, synthesis.guidance)
        for number, each in enumerate(asked):
            score = f"{of.clip_scores[number]:.4f}" if of.clip_scores else ""
            right = "" if of.right[number] is None else str(of.right[number]).lower()
            writer.writerow(
                [
                    *(of.name, of.pipeline, of.size, *how, f"{of.seconds:.4g}", of.too_long),
                    *(each.prompt, each.image_id or "", score, right),
                ]
            )
    return text.getvalue()

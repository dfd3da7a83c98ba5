"""Tables 1 and 2 and Figure 10 of the paper, row by row, and what there is to remark on them.

*Data Curation for Image Captioning with Text-to-Image Generative Models* (Li, Lotz, Qiu, Elliott;
arXiv 2305.03610, May 2023). Scores are percent, as printed; settings have the names and values of
this project's parameters. The files beside this module hold the numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from caption_curation.support.reading import read_csv_rows

Part = Literal["table_1", "table_2", "figure_10"]

_NO_CURATION = "none"


@dataclass(frozen=True)
class CurationResult:
    """A row of Table 2: a captioner that was fine-tuned with curation, on a test split.

    Attributes:
        profile: name of the profile of the corpus, ``flickr30k`` or ``coco``.
        method: a value of ``curation.method``.
        schedule, rule: values of the same keys of ``curation``; ``None`` without curation.
        amount: a fraction of the samples, or a number of standard deviations, as the rule has it;
            ``None`` without curation.
        scores: by metric, in percent.
    """

    profile: str
    method: str
    schedule: str | None
    rule: str | None
    amount: float | None
    scores: Mapping[str, float]


@dataclass(frozen=True)
class RoundTripResult:
    """A row of Table 1: captions of images that were generated from Flickr30K's captions.

    Attributes:
        generator: as the paper names it; ``None``: photographs, the upper bound.
        fine_tuned: whether the generator was, on COCO; ``None`` of photographs.
        prompt: a value of ``prompt.mode``; ``None`` of photographs.
        styler: whether the styler ended the prompt; ``None`` of photographs.
        scores: by metric, in percent; the columns under their true names.
    """

    generator: str | None
    fine_tuned: bool | None
    prompt: str | None
    styler: bool | None
    scores: Mapping[str, float]


@dataclass(frozen=True)
class SyntheticExample:
    """A row of Figure 10: a synthetic image with its CLIPScore (percent) and its caption's loss."""

    clipscore: float
    loss: float


@cache
def table_1() -> tuple[RoundTripResult, ...]:
    """The upper bound, and five generators with their prompts."""
    yes_or_no = {"yes": True, "no": False, "": None}
    settings = ("generator", "fine_tuned", "prompt", "styler")
    return tuple(
        RoundTripResult(
            generator=row["generator"] or None,
            fine_tuned=yes_or_no[row["fine_tuned"]],
            prompt=row["prompt"] or None,
            styler=yes_or_no[row["styler"]],
            scores={name: float(value) for name, value in row.items() if name not in settings},
        )
        for row in _rows("table_1")
    )


@cache
def table_2() -> tuple[CurationResult, ...]:
    """Four rows of each of two corpora, no curation first."""
    settings = ("profile", "method", "schedule", "rule", "amount")
    return tuple(
        CurationResult(
            profile=row["profile"],
            method=row["method"],
            schedule=row["schedule"] or None,
            rule=row["rule"] or None,
            amount=float(row["amount"]) if row["amount"] else None,
            scores={name: float(value) for name, value in row.items() if name not in settings},
        )
        for row in _rows("table_2")
    )


@cache
def figure_10() -> tuple[SyntheticExample, ...]:
    """Three images of high loss, then three of low loss."""
    return tuple(
        SyntheticExample(float(row["clipscore"]), float(row["loss"])) for row in _rows("figure_10")
    )


@cache
def remarks(part: Part) -> tuple[str, ...]:
    """What a reader of these numbers must know: sentences."""
    return tuple(row["remark"] for row in _rows("remarks") if row["of"] == part)


def difference_to_baseline(result: CurationResult) -> dict[str, float]:
    """The result's scores minus those of its corpus without curation, in percent.

    Rounded to the one decimal that the paper prints. Empty for the baseline itself.
    """
    if result.method == _NO_CURATION:
        return {}
    [baseline] = [
        row.scores
        for row in table_2()
        if (row.profile, row.method) == (result.profile, _NO_CURATION)
    ]
    return {metric: round(score - baseline[metric], 1) for metric, score in result.scores.items()}


def _rows(name: str) -> list[dict[str, str]]:
    return list(read_csv_rows(files(__package__) / f"{name}.csv", dict[str, str]).values())

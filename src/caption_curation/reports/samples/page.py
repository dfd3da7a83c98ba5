"""The page of shown samples, which needs nothing but itself, and the same rows as a CSV file."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from caption_curation.curation.settling import decision_on
from caption_curation.experiments.results import Results
from caption_curation.reports.page.descriptions import describe_curation
from caption_curation.reports.page.html import (
    embedded_picture,
    template_environment,
    write_page_folder,
)
from caption_curation.reports.page.labels import DECISION_LABELS
from caption_curation.reports.page.words import differing_words
from caption_curation.reports.samples.choice import ShownSample

PAGE, TABLE = "index.html", "samples.csv"
LONGEST_SIDE = 384  # pixels; larger photographs are made smaller for the page
COLUMNS = (
    "rank",
    "epoch",
    "sample_id",
    "image_id",
    "image",
    "image_after",
    "caption_before",
    "caption_after",
    "score",
    "score_unit",
    "loss",
    "loss_unit",
    "action",
    "accepted",
    "decided_by",
    "reason",
    "siblings",
)


def write_samples(
    folder: Path, title: str, results: Results, samples: Sequence[ShownSample]
) -> None:
    """Write the page and the table; what stood in the folder stays until all is written.

    Args:
        folder: to be made or replaced.
        title: of the page.
        results: the run that they are of.
        samples: to show.
    """
    environment = template_environment(
        "caption_curation.reports.samples", {"number": lambda value: f"{value:.3f}"}
    )
    page = environment.get_template("samples.html").render(
        title=title,
        run=results.title,
        description=describe_curation(results.curation, results.prompt_mode),
        table=TABLE,
        shown=[_card(results, sample) for sample in samples],
    )
    write_page_folder(folder, {PAGE: page + "\n", TABLE: samples_csv(samples)}, {})


def _card(results: Results, sample: ShownSample) -> dict[str, Any]:
    before, after, edit = sample.before, sample.after, sample.edit
    captions = differing_words(before.caption, after.caption) if after else None
    return {
        "sample": sample,
        "before": _picture(results, before.file),
        "after": _picture(results, after.file) if after and after.file != before.file else None,
        "words": captions if captions and after and after.caption != before.caption else None,
        "outcome": _outcome(sample),
        "by_person": edit is not None and decision_on(edit) is not None,
    }


def _outcome(sample: ShownSample) -> str:
    """What became of a sample, in words."""
    edit = sample.edit
    if edit is None:
        return "not chosen"
    action = edit.action.replace("_", " ")
    if decision := decision_on(edit):
        said = f"{DECISION_LABELS[decision]} by a person"
        return f"{action}: {said}" if decision in ("accept", "reject") else said
    by = "" if edit.decided_by == "default" else f" by {edit.decided_by}"
    return f"{action}{by}" if edit.accepted else f"{action}: turned down{by}"


def _picture(results: Results, file: str | None) -> dict[str, Any]:
    return embedded_picture(results.find(Path(str(file))), LONGEST_SIDE)


def samples_csv(samples: Sequence[ShownSample]) -> str:
    """The table: a row a sample, losses and scores to six significant digits."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([_cell(value) for value in _row(sample)] for sample in samples)
    return written.getvalue()


def _row(sample: ShownSample) -> list[object]:
    before, after, edit = sample.before, sample.after, sample.edit
    return [
        sample.rank,
        sample.epoch,
        before.sample_id,
        before.image_id,
        before.file,
        after.file if after else None,
        before.caption,
        after.caption if after else None,
        sample.score,
        sample.score_unit if sample.score is not None else None,
        sample.loss,
        sample.loss_unit if sample.loss is not None else None,
        edit.action if edit else None,
        edit.accepted if edit else None,
        edit.decided_by if edit else None,
        edit.reason if edit else None,
        " | ".join(sibling.caption for sibling in sample.siblings),
    ]


def _cell(value: object) -> object:
    """A value as a cell; text that a spreadsheet would compute, after an apostrophe."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value

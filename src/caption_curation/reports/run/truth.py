"""The run against the demo world's truth: what selection found, what edits made of samples."""

from collections.abc import Collection
from typing import Any

from caption_curation.audit.repairs import NO_NOISE, Repair, judge_edit, repair_table
from caption_curation.reports.page.labels import NOISE_LABELS
from caption_curation.reports.run.examples import EditExample
from caption_curation.reports.run.run import Run
from caption_curation.samples import Sample


def repairs(run: Run, chosen: Collection[str]) -> dict[str, Any] | None:
    """What became of spoilt and good samples; ``None`` where the truth is not known.

    Args:
        run: that is looked at.
        chosen: ids of all samples that were ever chosen.
    """
    if run.truth is None:
        return None
    originals = list(run.originals.values())
    right = {record["sample_id"]: not record["faults"] for record in run.verdicts}
    return {
        "rows": repair_table(originals, chosen, run.planted, right),
        "before": (sum(not run.truth.faults(sample) for sample in originals), len(originals)),
        "after": (sum(right.values()), len(right)),
    }


def planted_in(run: Run, sample: Sample) -> list[str]:
    """The noise that was planted in a sample, in words; empty where none is known."""
    if run.truth is None and not run.noise:
        return []
    original = run.originals[sample.sample_id]
    present, planted = run.planted.kinds(sample), run.planted.kinds(original)
    labels = [NOISE_LABELS[kind] for kind in sorted(present)]
    labels += [f"{NOISE_LABELS[kind]}, replaced before" for kind in sorted(planted - present)]
    return labels or [NOISE_LABELS[NO_NOISE]]


def judge(run: Run, example: EditExample) -> Repair | None:
    """The verdict on an edit that is shown; ``None`` where the truth is not known."""
    if run.truth is None:
        return None
    made = run.synthetic / example.synthetic.file_name if example.synthetic else None
    return judge_edit(example.edit, run.truth, made)

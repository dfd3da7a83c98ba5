"""Scores that somebody else's measure gave, read from a file of theirs and checked."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from caption_curation.samples import iterate_json_lines
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.reading import read_json_rows
from caption_curation.support.rows import Faults, Row, Text, shown


class _Scored(Row):
    sample_id: Text
    score: float


def read_score_file(
    path: Path, wanted: Sequence[str], known: Collection[str]
) -> list[dict[str, Any]]:
    """The scores of a training set, ``sample_id`` and ``score``, in the order of its samples.

    Args:
        path: JSON Lines with these two keys, in any order; the higher a score, the harder the
            sample. Samples that the training set has no more may be among them.
        wanted: ids of the training set.
        known: ids of all samples of the corpus.

    Raises:
        InputError: with every fault of the file: what is not a finite number, ids that the corpus
            does not have, samples with two scores or none.
    """
    scores: dict[str, float] = {}
    faults = Faults("line")
    for line, row in read_json_rows(path, _Scored).items():
        if row.sample_id not in known:
            faults.add(line, f"the corpus has no sample {shown(row.sample_id)}")
        if row.sample_id in scores:
            faults.add(line, f"sample {shown(row.sample_id)} has a score already")
        scores[row.sample_id] = row.score
    missing = [f"no score of sample {shown(name)}" for name in wanted if name not in scores]
    if lines := [*faults.lines(), *missing]:
        raise InputError(list_faults(f"{path}: faults", lines))
    return [{"sample_id": name, "score": scores[name]} for name in wanted]


def read_scores(path: Path) -> dict[str, float]:
    """The scores that the scores stage wrote, by sample id; empty where none were asked for."""
    return {record["sample_id"]: record["score"] for record in iterate_json_lines(path)}

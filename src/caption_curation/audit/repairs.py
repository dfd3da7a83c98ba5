"""Did curation repair the samples with planted noise, or did it break others?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from caption_curation.audit.selection import PlantedNoise
from caption_curation.edits import Edit
from caption_curation.ground_truth.judge import GroundTruth
from caption_curation.samples import Sample

NO_NOISE = "none"
ALL_SAMPLES = "all"

# By whether the sample was right before the edit (None: unknown) and after it (None: removed).
_TITLES = {
    (False, True): "Repaired",
    (False, False): "Not repaired",
    (False, None): "Removed, and it was wrong",
    (True, True): "Still right",
    (True, False): "Broken by the edit",
    (True, None): "Removed, though it was right",
    (None, True): "Right now",
    (None, False): "Wrong now",
    (None, None): "Removed",
}


@dataclass(frozen=True)
class Repair:
    """What an edit did to its sample: the verdict in words, and what is wrong with it afterwards.

    ``good``: the sample is right, or was wrong and has been removed; ``None`` if that is unknown.
    """

    title: str
    good: bool | None
    faults: tuple[str, ...]


def judge_edit(edit: Edit, truth: GroundTruth, synthetic: Path | None) -> Repair:
    """The verdict on one edit.

    Args:
        edit: of a sample that was changed or removed.
        truth: of its corpus.
        synthetic: the image that it gave the sample; ``None`` if it gave none. An image from an
            earlier edit may be unavailable, so the state before the edit may be unknown.
    """
    was_right = None if edit.before.replicate is not None else not truth.faults(edit.before)
    if edit.after is None:
        good = None if was_right is None else not was_right
        return Repair(_TITLES[was_right, None], good, ())
    faults = truth.faults(edit.after, synthetic)
    return Repair(_TITLES[was_right, not faults], not faults, faults)


@dataclass(frozen=True)
class RepairRow:
    """What became of the samples with one kind of planted noise; all are numbers of samples.

    ``right``, ``wrong`` and ``removed`` are what the chosen ones ended as; they sum to ``chosen``.
    """

    kind: str
    samples: int
    chosen: int
    right: int
    wrong: int
    removed: int


def repair_table(
    samples: Sequence[Sample],
    chosen: Collection[str],
    noise: PlantedNoise,
    verdicts: Mapping[str, bool],
) -> list[RepairRow]:
    """A row for each kind of planted noise, for the samples without any, and for all of them.

    Args:
        samples: the original training split.
        chosen: ids of those that were ever chosen, kept ones too.
        noise: what was planted.
        verdicts: whether each sample of the last training set is right, by sample id.
    """
    groups: dict[str, list[str]] = {}
    for sample in samples:
        for kind in noise.kinds(sample) or {NO_NOISE}:
            groups.setdefault(kind, []).append(sample.sample_id)
    kinds = [*sorted(groups.keys() - {NO_NOISE}), *(groups.keys() & {NO_NOISE})]
    groups[ALL_SAMPLES] = [sample.sample_id for sample in samples]
    return [_row(kind, groups[kind], chosen, verdicts) for kind in [*kinds, ALL_SAMPLES]]


def _row(
    kind: str, sample_ids: Sequence[str], chosen: Collection[str], verdicts: Mapping[str, bool]
) -> RepairRow:
    chosen_ids = [sample_id for sample_id in sample_ids if sample_id in chosen]
    remaining = [verdicts[sample_id] for sample_id in chosen_ids if sample_id in verdicts]
    return RepairRow(
        kind=kind,
        samples=len(sample_ids),
        chosen=len(chosen_ids),
        right=sum(remaining),
        wrong=len(remaining) - sum(remaining),
        removed=len(chosen_ids) - len(remaining),
    )

"""Samples and losses from users' tables, with every fault of a file at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption_curation.rounds.columns import Named, loss_column, sample_roles
from caption_curation.rounds.tables import Table, check_rows, read_table
from caption_curation.samples import Sample, has_word
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.rows import Faults, shown

REMOVE = "remove"


@dataclass(frozen=True)
class SampleTable:
    """A training set as its user keeps it.

    Attributes:
        samples: in the order of the rows.
        rows: of the table, by sample id.
        roles: the columns that hold ``sample_id``, ``image_id``, ``caption`` and ``file``, of those
            that there are.
        columns: all of the table, in their order.
        losses: by sample id, where the table of losses is the same.
    """

    samples: list[Sample]
    rows: Mapping[str, Mapping[str, Any]]
    roles: Mapping[str, str]
    columns: Sequence[str]
    losses: Mapping[str, float]


@dataclass(frozen=True)
class LossTable:
    """Numbers, not matched with samples yet.

    Attributes:
        table: that they are from.
        rows: by number of the row: ``loss``, and ``sample_id`` or ``image_id`` and ``caption``.
        column: what the losses are called.
    """

    table: Table
    rows: Mapping[int, Mapping[str, Any]]
    column: str


def read_sample_table(path: Path, named: Named, method: str, score: str | None) -> SampleTable:
    """The samples of a file.

    A sample without an id of its own is ``IMAGE_ID#POSITION``, its position among the rows of its
    image; where images have neither id nor file, every sample has one of its own.

    Args:
        path: of the file.
        named: columns with other names than the usual.
        method: what is to be done with samples; all but ``remove`` need captions.
        score: whose numbers the file holds too; ``None``: they are elsewhere.

    Raises:
        InputError: with every fault of the file.
    """
    table = read_table(path)
    wanting: list[str] = []
    roles = sample_roles(table, named, wanting)
    both = dict(roles)
    if score is not None and (column := loss_column(table, named, score, wanting)):
        both["loss"] = column
    wanting += _wanting(roles, method)
    faults = table.faults
    rows = check_rows(table, both)
    if method != REMOVE and "caption" in roles:
        for number, row in rows.items():
            if not has_word(row["caption"]):
                faults.add(number, f"{roles['caption']} has no word in it")
    samples = {} if wanting else _samples(rows, roles, faults)
    if lines := [*wanting, *faults.lines()]:
        raise InputError(list_faults(f"{path}: faults", lines))
    return SampleTable(
        list(samples.values()),
        {sample.sample_id: table.rows[number] for number, sample in samples.items()},
        roles,
        [name for name in table.columns if name != both.get("loss")],
        {samples[number].sample_id: row["loss"] for number, row in rows.items() if "loss" in row},
    )


def read_loss_table(path: Path, named: Named, score: str) -> LossTable:
    """The losses of a file, each with its sample's id, or with image id and caption.

    Raises:
        InputError: with every fault that the file has by itself.
    """
    table = read_table(path)
    wanting: list[str] = []
    roles = sample_roles(table, named, wanting)
    roles.pop("file", None)
    if "sample_id" in roles:
        roles = {"sample_id": roles["sample_id"]}
    elif not {"image_id", "caption"} <= roles.keys():
        wanting.append(
            "no columns that name the samples: sample_id, or image_id and caption "
            f"(there are {', '.join(table.columns)})"
        )
    if column := loss_column(table, named, score, wanting):
        roles["loss"] = column
    rows = check_rows(table, roles)
    if lines := [*wanting, *table.faults.lines()]:
        raise InputError(list_faults(f"{path}: faults", lines))
    return LossTable(table, rows, roles["loss"])


def match_losses(
    losses: LossTable, samples: Sequence[Sample], known: Sequence[Sample]
) -> dict[str, float]:
    """The loss of each sample, by its id.

    Where losses name image and caption, the first loss of a pair belongs to the first sample of it,
    and so on.

    Args:
        losses: as read.
        samples: the training set now.
        known: as it was before any curation; losses of those that were removed are passed over.

    Raises:
        InputError: losses of unknown samples, several of one, or samples without; all of them.
    """
    by_id = all("sample_id" in row for row in losses.rows.values())
    keys = _Keys(by_id)
    of_sample = {keys.of(_as_row(sample)): sample.sample_id for sample in samples}
    keys = _Keys(by_id)
    once_there = {keys.of(_as_row(sample)) for sample in known}
    faults = Faults(losses.table.row)
    found: dict[str, float] = {}
    lines: dict[Any, int] = {}
    keys = _Keys(by_id)
    for number, row in losses.rows.items():
        key = keys.of(row)
        first = lines.setdefault(key, number)
        if first != number:
            faults.add(number, f"{losses.table.row} {first} has a loss of {keys.name(key)} already")
        elif key in of_sample:
            found[of_sample[key]] = row["loss"]
        elif key not in once_there:
            faults.add(number, f"there is no sample {keys.name(key)}")
    missing = [
        f"no loss of sample {shown(name)}" for name in of_sample.values() if name not in found
    ]
    if all_faults := [*faults.lines(), *missing]:
        raise InputError(list_faults(f"{losses.table.path}: faults", all_faults))
    return found


def read_all(*readers: Callable[[], Any]) -> list[Any]:
    """What several readers return; if any refuse their files, the faults of all are told.

    Raises:
        InputError: of one of them, or of several.
    """
    results, messages = [], []
    for reader in readers:
        try:
            results.append(reader())
        except InputError as error:
            messages.append(str(error))
    if messages:
        raise InputError("\n".join(messages))
    return results


class _Keys:
    """What samples and losses are matched by."""

    def __init__(self, by_id: bool) -> None:
        self._by_id = by_id
        self._seen: dict[tuple[str, str], int] = {}

    def of(self, row: Mapping[str, Any]) -> Any:
        """The id; or image and caption, and how often these came before."""
        if self._by_id:
            return row["sample_id"]
        pair = (row["image_id"], row["caption"])
        before = self._seen.get(pair, 0)
        self._seen[pair] = before + 1
        return (*pair, before)

    def name(self, key: Any) -> str:
        """A key in words."""
        if self._by_id:
            return shown(key)
        return f"of image {shown(key[0])} with caption {shown(key[1])}" + (
            f" (number {key[2] + 1} of them)" if key[2] else ""
        )


def _as_row(sample: Sample) -> dict[str, str]:
    return {
        "sample_id": sample.sample_id,
        "image_id": sample.image_id,
        "caption": sample.caption,
    }


def _wanting(roles: Mapping[str, str], method: str) -> list[str]:
    """What columns are missing for samples to be told apart, and curated by a method."""
    faults = []
    if "sample_id" not in roles and "image_id" not in roles:
        faults.append("no column that names the samples: sample_id, image_id or file_name")
    if method != REMOVE:
        if "image_id" not in roles and "sample_id" in roles:
            faults.append(
                f"method {method} needs to know which samples share an image: a column image_id or "
                "file_name, or --column image_id=NAME"
            )
        if "caption" not in roles:
            faults.append(f"method {method} needs captions: --column caption=NAME")
    return faults


def _samples(
    rows: Mapping[int, Mapping[str, str]], roles: Mapping[str, str], faults: Faults
) -> dict[int, Sample]:
    """The samples by number of the row."""
    positions: dict[str, int] = {}
    first: dict[str, int] = {}
    samples = {}
    for number, row in rows.items():
        image = row.get("image_id", row.get("sample_id", ""))
        position = positions.get(image, 0)
        positions[image] = position + 1
        name = row.get("sample_id", f"{image}#{position}")
        if first.setdefault(name, number) != number:
            faults.add(number, f"sample {shown(name)} is there already, in row {first[name]}")
        samples[number] = Sample(name, image, row.get("file", ""), row.get("caption", ""))
    return samples

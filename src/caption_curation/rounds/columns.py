"""Which columns of a user's tables hold what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from caption_curation.curation.scores import SCORES
from caption_curation.rounds.tables import Table, missing_column
from caption_curation.support.errors import InputError

ROLES = ("sample_id", "image_id", "caption", "image", "loss")
IMAGE_COLUMNS = ("file_name", "image", "file")  # where none is named: the first that is there


@dataclass(frozen=True)
class Named:
    """The columns that a user names, by role (:data:`ROLES`); the others have the usual names."""

    by_role: Mapping[str, str]

    def of(self, table: Table, role: str, usual: Sequence[str], faults: list[str]) -> str | None:
        """The column of a role; ``None`` where none is named and there is none of the usual name.

        Args:
            table: that has it.
            role: what it holds.
            usual: its name where none is given, in the order of preference.
            faults: gets a line where the named one is not there.
        """
        name = self.by_role.get(role)
        if name is None:
            return next((each for each in usual if each in table.columns), None)
        if name not in table.columns:
            faults.append(missing_column(table, role, name))
            return None
        return name


def parse_columns(words: Sequence[str]) -> Named:
    """The columns that are named as ``ROLE=NAME``.

    Raises:
        InputError: they are not, or a role is unknown or named twice.
    """
    found: dict[str, str] = {}
    for word in words:
        role, _, name = word.partition("=")
        if role not in ROLES or not name:
            raise InputError(
                f"--column {word}: write ROLE=NAME, where ROLE is one of {', '.join(ROLES)}"
            )
        if role in found:
            raise InputError(f"--column {word}: {role} is {found[role]} already")
        found[role] = name
    return Named(found)


def sample_roles(table: Table, named: Named, faults: list[str]) -> dict[str, str]:
    """The columns of a table of samples: of ``sample_id``, ``image_id``, ``caption``, ``file``.

    Where images have no id, their files name them.
    """
    texts = [name for name in IMAGE_COLUMNS if table.holds_text(name)]
    found = {
        "sample_id": named.of(table, "sample_id", ["sample_id"], faults),
        "image_id": named.of(table, "image_id", ["image_id"], faults),
        "caption": named.of(table, "caption", ["caption"], faults),
        "file": named.of(table, "image", texts, faults),
    }
    found["image_id"] = found["image_id"] or found["file"]
    return {role: column for role, column in found.items() if column is not None}


def loss_column(table: Table, named: Named, score: str, faults: list[str]) -> str | None:
    """The column of the numbers that samples are chosen by; a fault where there is none."""
    row = SCORES.get(score)
    usual = ["score", "loss"] if row is None or row.is_given else [row.loss, "loss"]
    before = len(faults)
    column = named.of(table, "loss", usual, faults)
    if column is None and len(faults) == before:
        there = ", ".join(table.columns)
        faults.append(
            f"no column {' or '.join(usual)}; name that of the losses with --column loss=NAME "
            f"(there are {there})"
        )
    return column

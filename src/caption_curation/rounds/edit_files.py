"""The edits of rounds as files: JSON Lines that the next round reads, or CSV for people to read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from caption_curation.curation.actions import ACTIONS
from caption_curation.edits import KEEP, Edit
from caption_curation.rounds.tables import check_ending, csv_content, json_lines
from caption_curation.samples import Sample
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.reading import read_json_rows
from caption_curation.support.rows import Faults, Row, Text, shown

STATE = ("caption", "replicate", "file")  # what of a sample may change
FLAT = (
    *("epoch", "sample_id", "action", "score", "accepted", "reason"),
    *("caption", "new_caption", "image", "new_image", "prompt"),
)


class _State(Row):
    caption: Text
    replicate: int | None
    file: Text


class _Changes(Row):
    caption: Text = ""
    replicate: int | None = None
    file: Text | None = None


class _Line(Row):
    epoch: Annotated[int, Field(ge=0)]
    sample_id: Text
    action: Literal[(KEEP, *ACTIONS)]  # type: ignore[valid-type]
    before: _State
    after: _Changes | None
    evidence: dict[str, float]
    reason: Text
    accepted: bool
    decided_by: Text

    def edit(self, before: Sample) -> Edit:
        """The edit of a sample that is in the state ``before``."""
        after = None
        if self.after is not None:
            state = {name: getattr(before, name) for name in STATE}
            state |= {name: getattr(self.after, name) for name in self.after.model_fields_set}
            after = Sample(before.sample_id, before.image_id, **state)
        return Edit(
            self.action,
            before,
            after,
            self.evidence,
            self.reason,
            epoch=self.epoch,
            accepted=self.accepted,
            decided_by=self.decided_by,
        )


def edits_content(path: Path, edits: Sequence[Edit], prompts: Mapping[str, str]) -> bytes:
    """The content of a file of edits, by the ending of its name, JSON Lines or CSV.

    Args:
        path: of the file, which is not written.
        edits: hardest first.
        prompts: what the image of a sample is to be drawn from, by sample id.
    """
    if check_ending(path, (".jsonl", ".csv")) == ".csv":
        rows = (_flat(edit, prompts.get(edit.sample_id)) for edit in edits)
        return csv_content(FLAT, (map(_for_spreadsheet, row) for row in rows))
    return json_lines(_record(edit, prompts.get(edit.sample_id)) for edit in edits)


def read_rounds(paths: Sequence[Path], samples: Sequence[Sample]) -> list[Edit]:
    """The edits of earlier rounds, a file or several, in the order in which they were made.

    Args:
        paths: JSON Lines that :func:`edits_content` gave, or a run's ``curated/edits.jsonl``.
        samples: as they were before the first round.

    Raises:
        InputError: with every fault of a file: its form, unknown samples, and edits that do not
            follow on what was before.
    """
    edits: list[Edit] = []
    current: dict[str, Sample | None] = {sample.sample_id: sample for sample in samples}
    done: set[tuple[int, str]] = set()
    for path in paths:
        check_ending(path, (".jsonl",))
        faults = Faults("line")
        for number, line in read_json_rows(path, _Line, "edits of an earlier round").items():
            edit = _following(line, current, done, edits[-1].epoch if edits else 0)
            if isinstance(edit, str):
                faults.add(number, edit)
                continue
            edits.append(edit)
            done.add((line.epoch, line.sample_id))
            if edit.accepted:
                current[line.sample_id] = edit.after
        if faults.lines():
            raise InputError(list_faults(f"{path}: faults", faults.lines()))
    return edits


def _following(
    line: _Line, current: Mapping[str, Sample | None], done: set[tuple[int, str]], last: int
) -> Edit | str:
    """The edit of a line, or what is wrong with it."""
    name = line.sample_id
    sample = current.get(name)
    if sample is None:
        return f"sample {shown(name)} " + (
            "was removed before" if name in current else "is unknown"
        )
    if line.epoch < last:
        return f"it is of epoch {line.epoch}, but comes after edits of epoch {last}"
    if (line.epoch, name) in done:
        return f"sample {shown(name)} has an edit of epoch {line.epoch} already"
    was = line.before
    if (was.caption, was.replicate, was.file) != (sample.caption, sample.replicate, sample.file):
        return f"sample {shown(name)} is not in the state that the edit was made for"
    edit = line.edit(sample)
    if edit.accepted and edit.after is not None and edit.after.file is None:
        return f"the image of sample {shown(name)} is not drawn, so the edit cannot be accepted"
    return edit


def _record(edit: Edit, prompt: str | None) -> dict[str, Any]:
    before, after = edit.before, edit.after
    state = {name: getattr(before, name) for name in STATE}
    changes = None
    if after is not None:
        now = {name: getattr(after, name) for name in STATE}
        changes = {name: value for name, value in now.items() if value != state[name]}
    record = {
        "epoch": edit.epoch,
        "sample_id": edit.sample_id,
        "action": edit.action,
        "before": state,
        "after": changes,
        "evidence": dict(edit.evidence),
        "reason": edit.reason,
        "accepted": edit.accepted,
        "decided_by": edit.decided_by,
    }
    return record if prompt is None else record | {"prompt": prompt}


def _flat(edit: Edit, prompt: str | None) -> list[Any]:
    before, after = edit.before, edit.after
    return [
        edit.epoch,
        edit.sample_id,
        edit.action,
        edit.score,
        "yes" if edit.accepted else "no",
        edit.reason,
        before.caption,
        after.caption if after and after.caption != before.caption else None,
        before.file,
        after.file if after and after.file != before.file else None,
        prompt,
    ]


def _for_spreadsheet(cell: Any) -> Any:
    """Text that a spreadsheet would take for a formula begins with an apostrophe."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t") else cell

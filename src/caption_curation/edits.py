"""What curation does to samples: proposals, and the edits that come of them once they are decided.

Curation proposes something for every sample that it chooses, and whoever decides (today: nobody
says no) makes an :class:`Edit` of each proposal, accepted or not. :func:`apply_edits` turns a list
of samples and edits into a new list. The edits of all epochs are therefore the whole record of what
curation did, and replay without a GPU.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from sys import intern
from typing import Any

from caption_curation.samples import Sample, iterate_json_lines, write_json_lines

KEEP = "keep"  # the action of a proposal that leaves a chosen sample as it is
BY_DEFAULT = "default"  # what decides where neither a gate nor a person does
BY_PERSON = "person"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is to become of one chosen sample.

    Attributes:
        action: a name of the table of actions (:mod:`caption_curation.curation.actions`), or
            ``keep`` where the sample was chosen but has no alternative left.
        before: the sample as it is.
        after: as it would be; ``None``: removed. Its ``file`` is ``None`` where its image is still
            to be drawn.
        evidence: the numbers that speak for it, by name; ``score`` is what the sample was chosen
            by, and not there where the choice was made without one (the static schedule).
        reason: why the sample is kept; of an edit, also why it is not what was proposed.
    """

    action: str
    before: Sample
    after: Sample | None
    evidence: Mapping[str, float]
    reason: str = ""

    @property
    def sample_id(self) -> str:
        """That of the sample."""
        return self.before.sample_id

    @property
    def score(self) -> float | None:
        """What the sample was chosen by, if by anything."""
        return self.evidence.get("score")

    @property
    def draws_image(self) -> bool:
        """Whether an image has still to be drawn for it."""
        return self.after is not None and self.after.file is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(Proposal):
    """A proposal that was decided: only if it was ``accepted``, the sample has changed.

    Attributes:
        epoch: after which it was made; 0: before training.
        accepted: whether ``after`` is what the sample became.
        decided_by: ``default``, the name of a gate, or ``person``.
    """

    epoch: int
    accepted: bool
    decided_by: str

    def does(self, proposal: Proposal) -> bool:
        """Whether a proposal's action was done, with its caption."""
        if not self.accepted or self.action != proposal.action:
            return False
        done, proposed = self.after, proposal.after
        return (done and done.caption) == (proposed and proposed.caption)


def apply_edits(samples: Sequence[Sample], edits: Iterable[Edit]) -> list[Sample]:
    """The training set after ``edits``, in the order of ``samples``; the inputs stay untouched.

    Raises:
        ValueError: an edit is for a sample that is not there, or not in the state that the edit
            was made for (the log and the training set do not belong together).
    """
    current: dict[str, Sample | None] = {sample.sample_id: sample for sample in samples}
    for edit in edits:
        if current.get(edit.sample_id) != edit.before:
            raise ValueError(
                f"edit of sample {edit.sample_id!r} after epoch {edit.epoch} expects "
                f"{edit.before}, but the training set has {current.get(edit.sample_id)}"
            )
        if edit.accepted:
            current[edit.sample_id] = edit.after
    return [sample for sample in current.values() if sample is not None]


def edits_by_epoch(edits: Iterable[Edit]) -> dict[int, list[Edit]]:
    """Epoch → its edits, in the order of the log; only epochs that have any."""
    by_epoch: dict[int, list[Edit]] = {}
    for edit in edits:
        by_epoch.setdefault(edit.epoch, []).append(edit)
    return by_epoch


def write_proposals(path: Path, proposals: Iterable[Proposal]) -> None:
    """Write proposals, of each sample only what they may change; of ``after``, what they do."""
    write_json_lines(path, map(_record, proposals))


def write_edits(path: Path, edits: Iterable[Edit]) -> None:
    """Write edits, as :func:`write_proposals` does, with the decisions."""
    write_json_lines(
        path,
        (
            {
                "epoch": edit.epoch,
                **_record(edit),
                "accepted": edit.accepted,
                "decided_by": edit.decided_by,
            }
            for edit in edits
        ),
    )


def read_proposals(path: Path) -> list[Proposal]:
    """The proposals of an epoch, hardest sample first."""
    return [_proposal(record) for record in iterate_json_lines(path)]


def read_edits(*files: Path) -> list[Edit]:
    """The edits of one epoch, or of several files one after another: all of a run, for instance."""
    return [_edit(record) for file in files for record in iterate_json_lines(file)]


_CHANGEABLE = ("caption", "replicate", "file")


def _record(proposal: Proposal) -> dict[str, Any]:
    before, after = proposal.before, proposal.after
    state = {name: getattr(before, name) for name in _CHANGEABLE}
    changes = None
    if after is not None:
        changes = {
            name: value for name in _CHANGEABLE if (value := getattr(after, name)) != state[name]
        }
    return {
        "sample_id": proposal.sample_id,
        "action": proposal.action,
        "before": state,
        "after": changes,
        "evidence": proposal.evidence,
        "reason": proposal.reason,
    }


def _proposal(record: Mapping[str, Any]) -> Proposal:
    return Proposal(*_states(record), record["evidence"], intern(record["reason"]))


def _edit(record: Mapping[str, Any]) -> Edit:
    return Edit(
        *_states(record),
        record["evidence"],
        intern(record["reason"]),
        epoch=record["epoch"],
        accepted=record["accepted"],
        decided_by=intern(record["decided_by"]),
    )


def _states(record: Mapping[str, Any]) -> tuple[str, Sample, Sample | None]:
    """The action, and the sample before and after it; what is equal is held in memory once."""
    state, changes = record["before"], record["after"]
    sample_id = intern(record["sample_id"])
    before = Sample(
        sample_id,
        intern(sample_id.rpartition("#")[0]),
        _shared(state["file"]),
        intern(state["caption"]),
        state["replicate"],
    )
    if not changes:
        after = None if changes is None else before
    else:
        after = replace(before, **{name: _shared(value) for name, value in changes.items()})
    return intern(record["action"]), before, after


def _shared(value: Any) -> Any:
    return intern(value) if isinstance(value, str) else value

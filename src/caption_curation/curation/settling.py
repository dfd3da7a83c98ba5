"""From proposals to edits: what a gate measured and what people say decide, otherwise all is done.

A pure function over what other stages wrote.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from caption_curation.curation.decisions import Decision
from caption_curation.edits import BY_DEFAULT, BY_PERSON, KEEP, Edit, Proposal
from caption_curation.samples import Sample

INSTEAD_OF = "in place of "  # begins the reason of an edit that a person put there
PROPOSED_CAPTION = "the proposed caption"
AS_IT_IS = 0  # stands for a candidate: what the sample has now


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the replacements that were made for a proposal.

    ``number`` counts from 1. What is ``None`` is as the proposal says.
    """

    sample_id: str
    number: int
    file: str | None = None
    caption: str | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """How good a candidate is (0: what the sample has now), by the measure of a ``gate``.

    The higher the ``value``, the better: where a low one is good, it is written with a minus.
    """

    sample_id: str
    candidate: int
    gate: str
    value: float


def settle(
    proposals: Sequence[Proposal],
    *,
    epoch: int,
    candidates: Iterable[Candidate] = (),
    judgements: Iterable[Judgement] = (),
    decisions: Iterable[Decision] = (),
) -> list[Edit]:
    """What becomes of each proposal of an epoch.

    A person's decision counts for more than all else. A proposal that was judged is accepted, with
    the best of its candidates, if that is better than what the sample has; any other is accepted,
    with the first.

    Args:
        proposals: of the epoch.
        epoch: after which they were made; 0: before training.
        candidates: what was drawn or written for them, if anything was.
        judgements: of candidates and of what samples have now.
        decisions: of people; only those of this epoch, on samples that were chosen, count.

    Raises:
        ValueError: a sample's candidates were judged, but not what it has now.
    """
    drawn: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        drawn.setdefault(candidate.sample_id, []).append(candidate)
    judged: dict[str, dict[int, Judgement]] = {}
    for judgement in judgements:
        judged.setdefault(judgement.sample_id, {})[judgement.candidate] = judgement
    decided = {each.sample_id: each for each in decisions if each.epoch == epoch}
    edits = []
    for proposal in proposals:
        name = proposal.sample_id
        edit = _by_measure(proposal, epoch, drawn.get(name, ()), judged.get(name, {}))
        edits.append(_by_person(edit, decided[name]) if name in decided else edit)
    return edits


def _by_measure(
    proposal: Proposal,
    epoch: int,
    candidates: Sequence[Candidate],
    judged: Mapping[int, Judgement],
) -> Edit:
    """The edit that nobody but a gate, where there is one, decides about."""
    first, accepted, by = 1, True, BY_DEFAULT
    evidence, best = proposal.evidence, first
    if judged and proposal.action != KEEP:
        if AS_IT_IS not in judged:
            raise ValueError(f"what sample {proposal.sample_id!r} has now was not judged")
        now = judged[AS_IT_IS]
        best = max(judged.keys() - {AS_IT_IS}, key=lambda number: (judged[number].value, -number))
        accepted, by = judged[best].value > now.value, now.gate
        evidence = {**evidence, "now": now.value, "then": judged[best].value}
    after = proposal.after
    for candidate in candidates:
        if candidate.number == best and after is not None:
            after = _with_candidate(after, candidate)
    return Edit(
        proposal.action,
        proposal.before,
        after,
        evidence,
        proposal.reason,
        epoch=epoch,
        accepted=accepted,
        decided_by=by,
    )


def _with_candidate(after: Sample, candidate: Candidate) -> Sample:
    caption = after.caption if candidate.caption is None else candidate.caption
    file = after.file if candidate.file is None else candidate.file
    return replace(after, caption=caption, file=file)


def _by_person(edit: Edit, decision: Decision) -> Edit:
    """The edit after a person has looked at it."""
    match decision.decision:
        case "accept" | "reject":
            accepted = decision.decision == "accept" or edit.action == KEEP
            return replace(edit, accepted=accepted, decided_by=BY_PERSON)
        case "remove":
            action, after = "remove", None
        case "caption":
            action = "replace_caption"
            after = replace(edit.before, caption=decision.caption)
    reason = ""
    if edit.action != action:
        reason = INSTEAD_OF + edit.action
    elif edit.after != after:
        reason = INSTEAD_OF + PROPOSED_CAPTION
    return replace(
        edit, action=action, after=after, reason=reason, accepted=True, decided_by=BY_PERSON
    )


def decision_on(edit: Edit) -> str | None:
    """What a person decided of a proposal, as the edit that came of it tells; else ``None``.

    Returns:
        ``accept``: what was proposed was done, ``reject``: nothing was; or instead ``caption`` or
        ``remove``.
    """
    if edit.decided_by != BY_PERSON:
        return None
    if not edit.accepted:
        return "reject"
    if not edit.reason.startswith(INSTEAD_OF):
        return "accept"
    return "remove" if edit.after is None else "caption"

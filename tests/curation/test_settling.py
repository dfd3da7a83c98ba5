"""Numbers in place of a gate, of a score and of people: choosing and settling obey them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from caption_curation.curation.decisions import Decision, read_decisions
from caption_curation.curation.score_files import read_score_file
from caption_curation.curation.settings import Curation
from caption_curation.curation.settling import Candidate, Judgement, settle
from caption_curation.curation.uses import read_uses, write_uses
from caption_curation.edits import Edit, Proposal
from caption_curation.samples import CaptionedImage, Sample, SampleLoss, samples_of
from caption_curation.support.errors import InputError
from tests.curated_training import CuratedTraining

IMAGES = [
    CaptionedImage(f"i{n}", f"i{n}.jpg", tuple(f"i{n} caption {k}" for k in range(4)))
    for n in range(6)
]
SAMPLES = samples_of(IMAGES)
IDS = [sample.sample_id for sample in SAMPLES]
METHODS = ["remove", "replace_caption", "replace_image"]
SCHEDULES = ["dynamic", "static"]
# Some order of all samples that is neither that of the corpus nor that of the losses.
SCORES = dict(zip(IDS, np.random.default_rng(3).permutation(len(IDS)).tolist(), strict=True))
HARDEST = sorted(IDS, key=lambda name: -SCORES[name])


def settings(method: str, schedule: str, **changes: Any) -> Curation:
    values: dict[str, Any] = {
        "method": method,
        "schedule": schedule,
        "score": "file",
        "rule": "top_fraction",
        "ratio": 0.25,
        "std": 1.0,
        "pair_with": "keep",
    }
    return Curation(**values | changes)


def training(method: str, schedule: str, **changes: Any) -> CuratedTraining:
    return CuratedTraining(IMAGES, settings(method, schedule, **changes), scores=SCORES)


def losses(samples: Sequence[Sample]) -> list[SampleLoss]:
    return [SampleLoss(sample.sample_id, 1.0, 1.0, 1) for sample in samples]


def settled(run: CuratedTraining, schedule: str, **others: Any) -> list[Edit]:
    """The edits of the one epoch at which the schedule curates first."""
    epoch = int(schedule == "dynamic")
    return run.curate(epoch, losses(run.samples) if epoch else (), **others)


def judgements(values: dict[str, tuple[float, float]]) -> list[Judgement]:
    """By sample id, how good it is now and how good its candidate."""
    return [
        Judgement(name, candidate, "table", value)
        for name, pair in values.items()
        for candidate, value in enumerate(pair)
    ]


BOTH = pytest.mark.parametrize("schedule", SCHEDULES)
ALL_METHODS = pytest.mark.parametrize("method", METHODS)


@BOTH
@ALL_METHODS
def test_a_table_of_scores_chooses(method: str, schedule: str) -> None:
    edits = settled(training(method, schedule), schedule)
    assert [edit.sample_id for edit in edits] == HARDEST[:6]
    assert [edit.score for edit in edits] == [SCORES[name] for name in HARDEST[:6]]
    by_rule = settled(training(method, schedule, rule="mean_std"), schedule)
    values = np.array(list(SCORES.values()))
    above = [name for name in HARDEST if SCORES[name] > values.mean() + values.std()]
    assert [edit.sample_id for edit in by_rule] == above


@BOTH
@ALL_METHODS
def test_a_table_of_measures_accepts_what_is_better(method: str, schedule: str) -> None:
    better, worse, equal = HARDEST[:3]
    values = {better: (1.0, 1.1), worse: (1.0, 0.9), equal: (1.0, 1.0)}
    run = training(method, schedule)
    edits = {e.sample_id: e for e in settled(run, schedule, judgements=judgements(values))}
    decided = {name: (edits[name].accepted, edits[name].decided_by) for name in HARDEST[:4]}
    assert decided == {
        better: (True, "table"),
        worse: (False, "table"),
        equal: (False, "table"),
        HARDEST[3]: (True, "default"),
    }
    score = SCORES[better]
    assert edits[better].evidence == {"score": score, "now": 1.0, "then": 1.1}
    state = {sample.sample_id: sample for sample in run.samples}
    for sample in SAMPLES:
        edit = edits.get(sample.sample_id)
        changed = edit.after if edit and edit.accepted else sample
        assert state.get(sample.sample_id) == changed
    assert state[worse] == edits[worse].before != edits[worse].after


@BOTH
@ALL_METHODS
def test_people_count_for_more_than_a_measure(method: str, schedule: str) -> None:
    accepted, rejected, removed, reworded = HARDEST[:4]
    values = {accepted: (1.0, 0.5), rejected: (1.0, 2.0), removed: (1.0, 0.5)}
    epoch = int(schedule == "dynamic")
    decisions = [
        Decision(epoch=epoch, sample_id=accepted, decision="accept"),
        Decision(epoch=epoch, sample_id=rejected, decision="reject"),
        Decision(epoch=epoch, sample_id=removed, decision="remove"),
        Decision(epoch=epoch, sample_id=reworded, decision="caption", caption="mine"),
        # Of another epoch, and of a sample that was not chosen: nothing comes of them.
        Decision(epoch=epoch + 1, sample_id=HARDEST[4], decision="reject"),
        Decision(epoch=epoch, sample_id=HARDEST[-1], decision="remove"),
    ]
    run = training(method, schedule)
    found = settled(run, schedule, judgements=judgements(values), decisions=decisions)
    edits = {edit.sample_id: edit for edit in found}
    state = {sample.sample_id: sample for sample in run.samples}

    assert {name: edits[name].decided_by for name in HARDEST[:5]} == {
        **dict.fromkeys(HARDEST[:4], "person"),
        HARDEST[4]: "default",
    }
    proposed = {proposal.sample_id: proposal for proposal in run.proposals}
    assert edits[accepted].does(proposed[accepted])
    assert state.get(accepted) == edits[accepted].after
    assert (edits[rejected].accepted, state[rejected]) == (False, edits[rejected].before)
    assert edits[rejected].action == method
    assert (edits[removed].action, removed in state) == ("remove", False)
    before = edits[reworded].before
    assert edits[reworded].action == "replace_caption"
    assert (state[reworded].caption, state[reworded].file) == ("mine", before.file)
    if method != "replace_caption":
        assert edits[reworded].reason == f"in place of {method}"
    assert HARDEST[-1] in state


def test_the_best_of_several_candidates_is_taken() -> None:
    before = Sample("a#0", "a", "a.jpg", "x")
    after = Sample("a#0", "a", None, "x", 0)
    proposal = Proposal("replace_image", before, after, {})
    candidates = [Candidate("a#0", n, file=f"{n}.jpg") for n in (1, 2, 3)]
    values = [Judgement("a#0", n, "table", v) for n, v in enumerate((0.5, 0.6, 0.9, 0.9))]
    [edit] = settle([proposal], epoch=1, candidates=candidates, judgements=values)
    assert edit.accepted and edit.after and edit.after.file == "2.jpg"
    # Without a judge it is the first.
    [edit] = settle([proposal], epoch=1, candidates=candidates)
    assert edit.accepted and edit.after and edit.after.file == "1.jpg"
    with pytest.raises(ValueError, match=r"'a#0' has now was not judged"):
        settle([proposal], epoch=1, candidates=candidates, judgements=values[1:])


def test_a_written_caption_may_be_a_candidate() -> None:
    before = Sample("a#0", "a", "a.jpg", "x")
    proposal = Proposal("replace_caption", before, before, {})
    candidates = [Candidate("a#0", n, caption=f"words {n}") for n in (1, 2)]
    values = [Judgement("a#0", n, "table", v) for n, v in enumerate((0.5, 0.6, 0.9))]
    [edit] = settle([proposal], epoch=1, candidates=candidates, judgements=values)
    assert edit.after == Sample("a#0", "a", "a.jpg", "words 2")


def reject_all(epoch: int) -> list[Decision]:
    return [Decision(epoch=epoch, sample_id=name, decision="reject") for name in IDS]


def test_a_removal_that_was_rejected_is_passed_over_before_the_rule_counts() -> None:
    run = training("remove", "dynamic")
    run.curate(1, losses(run.samples), decisions=reject_all(1))
    assert len(run.samples) == 24
    edits = run.curate(2, losses(run.samples))
    # A quarter of the 18 that may be removed, not of 24.
    assert [edit.sample_id for edit in edits] == HARDEST[6:10]


def test_a_caption_that_was_rejected_is_not_proposed_for_its_sample_again() -> None:
    run = training("replace_caption", "dynamic")
    proposed: set[tuple[str, str]] = set()
    for epoch in range(1, 6):
        for edit in run.curate(epoch, losses(run.samples), decisions=reject_all(epoch)):
            if edit.action == "keep":
                continue
            assert edit.after and (edit.sample_id, edit.after.caption) not in proposed
            proposed.add((edit.sample_id, edit.after.caption))
    assert run.samples == SAMPLES
    assert {sample_id for sample_id, _ in proposed} == set(HARDEST[:6])
    reasons = {edit.reason for edit in run.log if edit.epoch == 5}
    assert reasons == {"every caption of the image that was not chosen before was rejected"}


def test_the_caption_of_a_chosen_sample_stays_hard_whatever_was_decided() -> None:
    run = training("replace_caption", "dynamic")
    run.curate(1, losses(run.samples), decisions=reject_all(1))
    hard = {(edit.before.image_id, edit.before.caption) for edit in run.log}
    run.curate(2, losses(run.samples))
    given = {
        (edit.before.image_id, edit.after.caption)
        for edit in run.log
        if edit.accepted and edit.after and edit.action == "replace_caption"
    }
    assert given and not given & hard


def test_a_rejected_image_counts_as_used() -> None:
    run = training("replace_image", "dynamic")
    run.curate(1, losses(run.samples), decisions=reject_all(1))
    assert run.samples == SAMPLES
    run.curate(2, losses(run.samples))
    images = [(e.before.image_id, e.after.replicate) for e in run.log if e.after]
    assert len(set(images)) == len(images) == 12
    for image_id in {image_id for image_id, _ in images}:
        numbers = sorted(
            number for name, number in images if name == image_id if number is not None
        )
        assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("method", METHODS)
def test_uses_are_bounded_by_the_corpus_and_survive_their_file(method: str, tmp_path: Path) -> None:
    run, sizes = training(method, "dynamic"), []
    for epoch in range(1, 25):
        run.curate(epoch, losses(run.samples), decisions=reject_all(epoch))
        write_uses(tmp_path / "uses.jsonl", run.uses)
        assert read_uses(tmp_path / "uses.jsonl") == run.uses
        sizes.append(len((tmp_path / "uses.jsonl").read_text()))
    digits = 2 * len(IMAGES)  # in which counts of images may grow
    assert sizes[-1] - sizes[11] <= digits


IMAGE = [CaptionedImage("a", "a.jpg", ("x",))]


def write(path: Path, *lines: str) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_all_faults_of_decisions_are_told_at_once(tmp_path: Path) -> None:
    file = write(
        tmp_path / "decisions.jsonl",
        '{"epoch": 1, "sample_id": "a#0", "decision": "accept"}',
        '{"epoch": -1, "sample_id": "a#0", "decision": "perhaps"}',
        '{"epoch": 1, "sample_id": "b#0", "decision": "caption"}',
        '{"epoch": 1, "sample_id": "b#0", "decision": "remove", "caption": "x"}',
        "nonsense",
        '{"epoch": 2, "sample_id": "b#0", "decision": "caption", "caption": "..."}',
    )
    with pytest.raises(InputError) as raised:
        read_decisions(file, IMAGE)
    message = str(raised.value)
    assert message.startswith(f"{file}: faults")
    for line in (
        *("line 2: epoch", "line 2: decision", "line 4", "line 5: not JSON"),
        "lines 3, 6: decision caption needs the caption to give, with a word in it",
    ):
        assert line in message, line
    file = write(
        file,
        '{"epoch": 1, "sample_id": "a#0", "decision": "accept"}',
        '{"epoch": 1, "sample_id": "z#0", "decision": "accept"}',
        '{"epoch": 1, "sample_id": "a#0", "decision": "reject"}',
    )
    with pytest.raises(InputError) as raised:
        read_decisions(file, IMAGE)
    assert 'line 2: the corpus has no sample "z#0"' in str(raised.value)
    assert "line 3: line 1 decides about the same sample" in str(raised.value)
    assert read_decisions(write(file), IMAGE) == []


def test_all_faults_of_scores_are_told_at_once(tmp_path: Path) -> None:
    file = write(
        tmp_path / "1.jsonl",
        '{"sample_id": "a#0", "score": 1}',
        '{"sample_id": "b#0", "score": "2"}',
        '{"sample_id": "c#0", "score": NaN}',
    )
    with pytest.raises(InputError) as raised:
        read_score_file(file, ["a#0"], {"a#0"})
    assert "line 2: score must be" in str(raised.value)
    assert "line 3: score must be" in str(raised.value)
    file = write(
        file,
        '{"sample_id": "a#0", "score": 1}',
        '{"sample_id": "a#0", "score": 2}',
        '{"sample_id": "z#0", "score": 3}',
        '{"sample_id": "gone#0", "score": 4}',
    )
    with pytest.raises(InputError) as raised:
        read_score_file(file, ["a#0", "b#0"], {"a#0", "b#0", "gone#0"})
    message = str(raised.value)
    assert 'line 2: sample "a#0" has a score already' in message
    assert 'line 3: the corpus has no sample "z#0"' in message
    assert 'no score of sample "b#0"' in message
    assert "gone" not in message


def test_scores_come_in_the_order_of_the_samples(tmp_path: Path) -> None:
    file = write(
        tmp_path / "1.jsonl",
        '{"sample_id": "b#0", "score": 2.5}',
        '{"sample_id": "gone#0", "score": 4}',
        '{"sample_id": "a#0", "score": -1}',
    )
    assert read_score_file(file, ["a#0", "b#0"], {"a#0", "b#0", "gone#0"}) == [
        {"sample_id": "a#0", "score": -1.0},
        {"sample_id": "b#0", "score": 2.5},
    ]

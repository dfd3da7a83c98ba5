"""What the report tells of the epochs: each number is of the right one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from caption_curation.config.params import load_params
from caption_curation.edits import Edit, write_edits
from caption_curation.reports.run.epochs import read_epochs
from caption_curation.reports.run.run import Run
from caption_curation.samples import SampleLoss, write_json_lines
from tests.conftest import REPOSITORY
from tests.small_run import NOISE, TRAIN, edits_of

FIRST = {"a#0": 1.0, "b#1": 3.0, "c#1": 2.6, "c#0": 2.4, "d#1": 0.5}
SECOND = {"a#0": 0.9, "b#1": 1.5, "c#1": 1.3, "c#0": 1.2, "d#1": 0.25}
THIRD = {"a#0": 0.8, "d#1": 0.125}


def run_of(folder: Path, log: Sequence[Edit], losses: Mapping[int, Mapping[str, float]]) -> Run:
    """A run of which only the epochs are there; every image that an edit shows is at hand."""
    by_epoch = [[edit for edit in log if edit.epoch == epoch] for epoch in range(len(losses))]
    for epoch, made in enumerate(by_epoch):
        write_edits(folder / f"edits-{epoch}.jsonl", made)
    for epoch, of in losses.items():
        rows = [SampleLoss(name, 9 * loss, loss, 9) for name, loss in of.items()]
        write_json_lines(folder / f"losses-{epoch}.jsonl", rows)
    return Run(
        params=load_params(REPOSITORY),
        metrics={
            "curation": {
                f"epoch_{epoch}": {"chosen": len(made)} for epoch, made in enumerate(by_epoch)
            }
        },
        epoch_rows=[],
        hard_samples=[],
        base_cider=0.0,
        losses={epoch: folder / f"losses-{epoch}.jsonl" for epoch in losses},
        edits=[folder / f"edits-{epoch}.jsonl" for epoch in range(len(losses))],
        synthesis={},
        gallery=[
            {"sample_id": edit.sample_id, "epoch": edit.epoch, "key": f"k{number}", "prompt": "p"}
            for number, edit in enumerate(log)
        ],
        train=TRAIN,
        test=[],
        test_captions={},
        noise=NOISE,
        scenes=[],
        verdicts=[],
        photographs=folder,
        synthetic=folder,
        classes={},
        corpus={},
    )


def test_losses_are_of_the_edits_epoch_and_the_next(tmp_path: Path) -> None:
    log = edits_of("replace_image", 3, TRAIN)
    found = read_epochs(run_of(tmp_path, log, {1: FIRST, 2: SECOND, 3: THIRD}))

    assert [
        (
            example.edit.sample_id,
            example.loss_before,
            example.loss_after,
            example.synthetic and example.synthetic.file_name,
        )
        for example in found.examples
    ] == [
        ("b#1", 3.0, 1.5, "k0.jpg"),
        ("c#1", 2.6, 1.3, "k1.jpg"),
        ("c#0", 2.4, 1.2, "k2.jpg"),
        ("d#1", 0.25, 0.125, "k3.jpg"),
    ]
    assert {epoch: sorted(of) for epoch, of in found.losses.items()} == {
        epoch: sorted(of.values()) for epoch, of in enumerate((FIRST, SECOND, THIRD), start=1)
    }
    assert {epoch: sorted(of) for epoch, of in found.chosen_losses.items()} == {
        1: [2.4, 2.6, 3.0],
        2: [0.25],
    }
    first, second = found.changes
    assert first.epoch == 1
    assert first.chosen == pytest.approx((8 / 3, 4 / 3))
    assert first.others == pytest.approx((0.75, 0.575))
    assert (second.epoch, second.chosen, second.others) == (2, (0.25, 0.125), (0.9, 0.8))


def test_a_removed_sample_has_no_loss_after_and_is_no_longer_there_to_choose(
    tmp_path: Path,
) -> None:
    log = edits_of("remove", 3, TRAIN)
    after = {"a#0": 0.9, "d#1": 0.25}
    found = read_epochs(run_of(tmp_path, log, {1: FIRST, 2: after, 3: {"a#0": 0.8}}))

    assert [(each.loss_before, each.loss_after) for each in found.examples] == [
        *((3.0, None), (2.6, None), (2.4, None), (0.25, None)),
    ]
    # Words of b#1, c#1 and c#0, then of d#1: "there is a ring and nothing else".
    assert {epoch: sorted(of) for epoch, of in found.lengths.items()} == {1: [3, 3, 7], 2: [7]}
    assert {epoch: len(of) for epoch, of in found.other_lengths.items()} == {1: 5, 2: 4}
    assert found.chosen == {"b#1", "c#1", "c#0", "d#1"} and found.edited == 4
    assert [rows[-1].samples for rows in found.audit.values()] == [8, 5]
    assert found.changes[0].chosen is None


def test_before_training_there_is_no_loss(tmp_path: Path) -> None:
    static = [replace(edit, epoch=0) for edit in edits_of("replace_image", 2, TRAIN)]
    found = read_epochs(run_of(tmp_path, static, {1: FIRST, 2: SECOND}))

    assert {
        each.edit.sample_id: (each.loss_before, each.loss_after) for each in found.examples
    } == {
        "b#1": (None, 3.0),
        "c#1": (None, 2.6),
        "c#0": (None, 2.4),
    }
    assert list(found.lengths) == [0] and not found.chosen_losses and not found.changes

"""The vocabulary of all rooms: grouping edits by epoch, and what a fraction of a number is."""

import math

import pytest

from caption_curation.edits import edits_by_epoch
from caption_curation.samples import fraction_count
from tests.small_run import TRAIN, edits_of


def test_edits_are_grouped_by_epoch_in_the_order_of_the_log() -> None:
    log = edits_of("replace_image", 3, TRAIN)
    by_epoch = edits_by_epoch(log)
    assert set(by_epoch) == {edit.epoch for edit in log} == {1, 2}
    assert [edit for epoch in sorted(by_epoch) for edit in by_epoch[epoch]] == log
    assert all(edit.epoch == epoch for epoch, edits in by_epoch.items() for edit in edits)
    assert edits_by_epoch([]) == {}


@pytest.mark.parametrize("percent", range(101))
def test_a_percentage_of_a_hundred_is_itself(percent: int) -> None:
    assert fraction_count(percent / 100, 100) == percent


def test_a_count_is_rounded_down() -> None:
    assert math.floor(0.29 * 100) == 28  # floating point's own
    assert fraction_count(0.4, 9) == 3
    assert fraction_count(0.01, 99) == 0
    assert fraction_count(1.0, 7) == 7
    assert fraction_count(0.5, 0) == 0

"""The table of experiments: what differs, in a terminal of any width."""

import pytest

from caption_curation.experiments.overview import Row, overview_table

LABELS = {"cider": "CIDEr", "bleu_4": "BLEU-4", "clipscore": "CLIPScore", "spice": "SPICE"}
SHARED = {"profile": "demo", "training.lr": 0.1}
ROWS = [
    Row(
        "demo-none-seed0",
        "finished",
        {"seed": 0, "curation": "no curation", "training.epochs": 1} | SHARED,
        {"cider": 1.992, "bleu_4": 0.475, "clipscore": 1.663, "spice": None},
    ),
    Row(
        "demo-remove-loss_mean-top0.4-seed1",
        "finished",
        {"seed": 1, "curation": "remove: mean loss, top 40 %", "training.epochs": 3} | SHARED,
        {"cider": 2.071, "bleu_4": 0.4931, "clipscore": 1.7141, "spice": None},
    ),
    Row("unreadable", "failed", {}, {}, "failed; its output is in x"),
]


def test_a_wide_terminal_has_a_line_an_experiment() -> None:
    header, *lines = overview_table(ROWS, LABELS, 150)
    assert header.split() == [
        *("experiment", "curation", "training.epochs", "seed"),
        *("CIDEr", "BLEU-4", "CLIPScore", "state"),
    ]
    assert len(lines) == 3
    assert lines[0].split() == [
        *("demo-none-seed0", "no", "curation", "1", "0", "199.2", "47.5", "166.3", "finished")
    ]
    assert lines[2].split() == ["unreadable", *["-"] * 6, "failed"]


def test_a_narrow_terminal_has_the_differences_below() -> None:
    header, *lines = overview_table(ROWS, LABELS, 80)
    assert header.split() == ["experiment", "seed", "CIDEr", "BLEU-4", "CLIPScore", "state"]
    assert lines[1] == "    no curation, training.epochs=1"
    assert lines[3] == "    remove: mean loss, top 40 %, training.epochs=3"
    assert len(lines) == 5


@pytest.mark.parametrize("width", [10, 40, 50, 60, 70, 80, 100, 120, 150, 300])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = overview_table(ROWS, LABELS, width)
    assert max(map(len, lines)) <= width
    if width > 60:
        assert "CIDEr" in lines[0] and "state" in lines[0]


def test_what_all_have_in_common_is_not_shown() -> None:
    same = [Row("a", "finished", ROWS[0].values, ROWS[0].scores), ROWS[0]]
    assert overview_table(same, LABELS, 300)[0].split() == [
        *("experiment", "seed", "CIDEr", "BLEU-4", "CLIPScore", "state")
    ]

"""Which images are studied, and in which sets: expectations counted by hand."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from caption_curation.human_study.study.choosing import shown_references
from tests.commands.console import fail, succeed


def write_losses(folder: Path, entries: Any) -> str:
    file = folder / "losses.json"
    file.write_text(json.dumps(entries))
    return str(file)


def words(folder: Path, entries: Any) -> list[str | Path]:
    losses = write_losses(folder, entries)
    return ["human-study", "build", "--losses", losses, "--out", folder / "out"]


def built(folder: Path, losses: dict[Any, float], *options: str) -> list[list[Any]]:
    """The sets that the command makes of losses by image id."""
    entries = [{"image_id": image_id, "loss": loss} for image_id, loss in losses.items()]
    succeed(*words(folder, entries), *options)
    sets: list[list[Any]] = json.loads((folder / "out" / "sets.json").read_text())
    return sets


def test_the_papers_five_sets_of_twenty(tmp_path: Path) -> None:
    # The image of rank r among all 130 has the id 1000 - r, and the file is in no order.
    ids = [1000 - rank for rank in range(130)]
    losses = {image_id: 0.01 * rank for rank, image_id in enumerate(ids)}
    entries = list(losses.items())
    random.Random(0).shuffle(entries)
    sets = built(tmp_path, dict(entries))
    assert len(sets) == 5
    for number, of_set in enumerate(sets):
        low = range(10 * number, 10 * number + 10)
        high = [80 + rank for rank in low]  # the fifty highest of 130 begin with rank 80
        assert of_set == [1000 - rank for rank in [*low, *high]]


def test_counts_are_parameters(tmp_path: Path) -> None:
    losses = {name: float(position) for position, name in enumerate("abcdefghij")}
    sets = built(tmp_path, losses, "--images-per-group", "4", "--sets", "2")
    assert sets == [["a", "b", "g", "h"], ["c", "d", "i", "j"]]


def test_equal_losses_are_in_the_order_of_the_ids(tmp_path: Path) -> None:
    options = ("--images-per-group", "2", "--sets", "1")
    assert built(tmp_path, dict.fromkeys([10, 9, 2, 30], 1.0), *options) == [[2, 9, 10, 30]]
    assert built(tmp_path, dict.fromkeys(["b", "d", "a", "c"], 1.0), *options) == [list("abcd")]
    # Numbers and texts cannot be compared, but must not stop the study.
    assert built(tmp_path, {"x": 1.0, 5: 1.0, "a": 1.0, 2: 0.5}, *options) == [[2, 5, "a", "x"]]


def test_only_the_lists_are_written_without_images(tmp_path: Path) -> None:
    built(tmp_path, dict.fromkeys(range(4), 1.0), "--images-per-group", "2", "--sets", "1")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["sets.json"]


@pytest.mark.parametrize(
    ("losses", "options", "messages"),
    [
        ({"a": 1.0, "b": 2.0}, (), ["2 images are too few: 50", "50 of the highest"]),
        (
            dict.fromkeys(range(11), 1.0),
            ("--images-per-group", "6", "--sets", "2"),
            ["11 images are too few", "at most 4 per group are possible with 2 sets"],
        ),
        (
            dict.fromkeys(range(20), 1.0),
            ("--images-per-group", "7", "--sets", "2"),
            ["7 images per group cannot be split into 2 sets"],
        ),
    ],
)
def test_too_few_images(
    tmp_path: Path, losses: dict[Any, float], options: tuple[str, ...], messages: list[str]
) -> None:
    entries = [{"image_id": image_id, "loss": loss} for image_id, loss in losses.items()]
    message = fail(*words(tmp_path, entries), *options)
    for part in messages:
        assert part in message
    assert not (tmp_path / "out").exists()


def test_all_faults_of_the_losses_are_told(tmp_path: Path) -> None:
    entries = [
        {"image_id": 1, "loss": float("nan")},
        {"image_id": True, "loss": 1.0},
        {"loss": 1.0},
        {"image_id": "d", "loss": "1.0"},
        {"image_id": "e", "loss": 1.0, "clipscore": float("inf")},
        "f",
        {"image_id": "g", "loss": 1},
    ]
    message = fail(*words(tmp_path, entries))
    for position in range(6):
        assert f"entry {position}: " in message
    assert "entry 6" not in message
    for content in ({"image_id": 1, "loss": 1.0}, None):
        assert "expected a list" in fail(*words(tmp_path, content))
    same = [{"image_id": 17, "loss": 1.0}, {"image_id": "17", "loss": 2.0}]
    message = fail(*words(tmp_path, same))
    assert "several times" in message and "17" in message
    nowhere = ["human-study", "build", "--losses", tmp_path / "nowhere.json", "--out", tmp_path]
    assert "nowhere.json: no such file" in fail(*nowhere)


def test_references_under_20_words_come_first() -> None:
    long, short, other = "word " * 20, "word " * 19, "a ring"
    assert shown_references([long, short, other], 2) == [short, other]
    assert shown_references([long, other], 2) == [other, long]
    assert shown_references([long], 2) == [long]

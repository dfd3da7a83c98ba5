"""``caption-curation show``: what stands on the page and in the table, read back independently."""

import base64
import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from caption_curation import paths
from caption_curation.edits import read_edits
from caption_curation.experiments.results import results_of
from caption_curation.review.chosen import read_chosen
from caption_curation.samples import read_losses, write_json_lines
from stages import settle
from tests.commands.console import fail, succeed
from tests.conftest import set_inputs
from tests.exports.project import write_project
from tests.human_study.page_sets import MARKUP
from tests.pipeline.browser import fetched_by
from tests.reports.test_report import Page
from tests.review.workspaces import FORMULA, SECRET, run_workspace

FOLDER = Path("reports/shown")


@pytest.fixture
def captions(tmp_path: Path) -> Iterator[None]:
    with run_workspace(tmp_path / "run", 3, method="replace_caption", ratio=0.9):
        yield


def shown(*words: object, out: str) -> tuple[Page, list[dict[str, str]], str]:
    """The page and the table of a command's folder, and the page's text."""
    succeed("show", *words)
    text = (FOLDER / out / "index.html").read_text(encoding="utf-8")
    with (FOLDER / out / "samples.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    page = Page(text)
    assert len(page.texts("article")) == len(rows)
    assert fetched_by(text) == []
    assert SECRET not in text
    return page, rows, text


def test_the_hardest_are_those_of_the_highest_losses(captions: None) -> None:
    page, rows, _ = shown("hardest", "--epoch", "2", "--number", "7", out="hardest-2")
    losses = {loss.sample_id: loss.loss_mean for loss in read_losses(paths.losses(2))}
    expected = sorted(losses, key=lambda name: -losses[name])[:7]
    assert [row["sample_id"] for row in rows] == expected
    assert [row["rank"] for row in rows] == [str(rank) for rank in range(1, 8)]
    assert [float(row["score"]) for row in rows] == [losses[name] for name in expected]
    edits = {edit.sample_id: edit for edit in read_edits(paths.edits(2))}
    for row, card in zip(rows, page.texts("article"), strict=True):
        edit = edits[row["sample_id"]]
        after = edit.after
        assert (row["action"], row["accepted"]) == (edit.action, "True")
        assert (row["caption_before"], row["decided_by"]) == (edit.before.caption, "default")
        assert row["caption_after"] == (after and after.caption)
        assert row["score_unit"] == row["loss_unit"] == "nats per token"
        assert row["image"] == f"data/corpus/images/{row['image_id']}.jpg"
        assert row["reason"] == edit.reason
        assert row["sample_id"] in card and edit.reason in card
    # After the last epoch nothing is curated.
    text = Path("params.yaml").read_text()
    Path("params.yaml").write_text(text.replace("epochs: 4", "epochs: 2", 1))
    _, rows, _ = shown("hardest", "--epoch", "2", "--number", "1", out="hardest-2")
    assert (rows[0]["action"], rows[0]["caption_before"]) == ("", rows[0]["caption_after"])


def test_edits_of_people_are_marked_and_text_stays_text(captions: None) -> None:
    edits = {edit.sample_id: edit for edit in read_edits(paths.edits(1))}
    proposed = [name for name, edit in edits.items() if edit.action != "keep"]
    accepted, rejected, removed, reworded = proposed[:4]
    set_inputs(Path(), decisions="mine.jsonl")
    write_json_lines(
        Path("mine.jsonl"),
        [
            {"epoch": 1, "sample_id": accepted, "decision": "accept"},
            {"epoch": 1, "sample_id": rejected, "decision": "reject"},
            {"epoch": 1, "sample_id": removed, "decision": "remove"},
            {"epoch": 1, "sample_id": reworded, "decision": "caption", "caption": FORMULA},
        ],
    )
    settle.main(1)
    page, rows, _ = shown("edits", "--epoch", "1", out="edits")
    by_name = {row["sample_id"]: row for row in rows}
    assert set(by_name) == set(proposed)
    cards = dict(zip(by_name, page.texts("article"), strict=True))
    for name, words in (
        (accepted, "replace caption: accepted by a person"),
        (rejected, "replace caption: rejected by a person"),
        (removed, "removed by a person in place of replace caption"),
        (reworded, "another caption by a person in place of the proposed caption"),
    ):
        assert words in cards[name]
        assert by_name[name]["decided_by"] == "person"
    assert "Removed" in cards[removed] and by_name[removed]["caption_after"] == ""
    assert by_name[rejected]["accepted"] == "False"
    # A spreadsheet would compute it, a browser run it.
    assert by_name[reworded]["caption_after"] == f"'{FORMULA}"
    _, rows, _ = shown("removed", out="removed")
    assert [row["sample_id"] for row in rows] == [removed]

    page, rows, text = shown("hardest", "--epoch", "1", out="hardest-1")  # all samples
    assert "<b>Two" not in text and text.count("<script") == 0 and "&lt;script&gt;" in text
    assert any(MARKUP in card for card in page.texts("article"))
    assert any(row["caption_before"] == MARKUP for row in rows)
    assert any(row["caption_before"] == f"'{FORMULA}" for row in rows)
    assert not any(value.startswith(tuple("=+-@")) for row in rows for value in row.values())


def test_removed_samples_of_all_epochs(tmp_path: Path) -> None:
    with run_workspace(tmp_path / "run", 4, method="remove", ratio=0.2):
        _, rows, _ = shown("removed", "--number", "2", out="removed")
        expected = [
            edit.sample_id for epoch in (1, 2, 3) for edit in read_edits(paths.edits(epoch))[:2]
        ]
        assert [row["sample_id"] for row in rows] == expected
        assert [row["epoch"] for row in rows] == ["1", "1", "2", "2", "3", "3"]
        # A sibling that was removed is still a caption of the image.
        assert all(row["siblings"].count("|") == 3 for row in rows)


def test_images_before_and_after_are_part_of_the_page(tmp_path: Path) -> None:
    with run_workspace(tmp_path / "run", 2, method="replace_image", ratio=0.2):
        page, rows, _ = shown("edits", "--epoch", "1", out="edits")
        images = page.attributes("img", "src")
        assert len(images) == 2 * len(rows) == 8
        assert all(str(image).startswith("data:image/png;base64,") for image in images)
        assert all(row["image_after"].startswith("data/epochs/1/synthetic/") for row in rows)


def test_scores_of_a_file_rank_before_training(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with run_workspace(folder, 0, method="remove", ratio=0.2, score="file", schedule="static"):
        paths.scores(0).parent.mkdir(parents=True)
        paths.curated(0).mkdir(parents=True)
        paths.edits(0).touch()
        ids = [f"i{image}#{n}" for image in range(4) for n in range(5)]
        scores = [{"sample_id": name, "score": -number} for number, name in enumerate(ids)]
        write_json_lines(paths.scores(0), scores)
        _, rows, _ = shown("hardest", "--epoch", "0", "--number", "3", out="hardest-0")
        assert [row["sample_id"] for row in rows] == ids[:3]
        assert [row["score"] for row in rows] == ["0", "-1", "-2"]
        assert {(row["score_unit"], row["loss"]) for row in rows} == {("", "")}


def test_a_finished_experiment_is_read_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images with awkward names too; nothing is checked out."""
    project = write_project(tmp_path / "project", captioner=False)
    monkeypatch.chdir(project.root)
    page, rows, _ = shown("edits", "--experiment", "HEAD", out="edits")
    edits = [edit for edit in project.edits if edit.action != "keep"]
    assert [row["sample_id"] for row in rows] == [edit.sample_id for edit in edits]
    expected = []
    for row, edit in zip(rows, edits, strict=True):
        assert (row["image"], row["caption_before"]) == (edit.before.file, edit.before.caption)
        expected.append(edit.before.file)
        if edit.after and edit.after.file != edit.before.file:
            expected.append(edit.after.file)
    for uri, file in zip(page.attributes("img", "src"), expected, strict=True):
        seen = Image.open(io.BytesIO(base64.b64decode(str(uri).partition(",")[2])))
        true = Image.open(io.BytesIO(project.bytes_of[str(file)])).convert("RGB")
        assert np.array_equal(np.asarray(seen), np.asarray(true))
    chosen = read_chosen(results_of("HEAD"), None)
    assert chosen.now.epoch == 1
    assert [edit.sample_id for edit in chosen.edits] == ["5#1", "3#0", "2#0", "4#0"]
    drawn, after = chosen.image(1, "after"), project.edits[1].after
    assert drawn and after and drawn.read_bytes() == project.bytes_of[str(after.file)]
    assert not (project.root / "data").exists()


def test_what_cannot_be_shown(captions: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for words, message in (
        (("hardest", "--epoch", "0"), "before training there is no loss"),
        (("hardest", "--epoch", "5"), "the last losses of the workspace are of epoch 4"),
        (("edits", "--epoch", "4"), "the last edits of the workspace are of epoch 3"),
        (("hardest", "--epoch", "4"), "data/epochs/3/curated/samples.jsonl is not there"),
        (("edits", "--out", "defaults"), "exists and is no page of samples"),
        (("edits", "--out", "params.yaml"), "is a file; name a folder"),
    ):
        assert message in fail("show", *words)
    assert not FOLDER.exists()
    monkeypatch.chdir(Path("defaults"))
    assert "`cd` to the project's folder" in fail("show", "edits")

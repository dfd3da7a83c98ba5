"""The human study under DVC: what becomes stale when one of its inputs changes.

Only one stage is run, which deals out the sets. The other outputs are
stand-ins, which DVC is told to take for the stages' own (``dvc commit``).
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo
from PIL import Image

from caption_curation.human_study.annotations.records import append
from caption_curation.samples import CaptionedImage, write_json_lines
from tests.human_study.records import annotation
from tests.pipeline.clone import Clone, change

PIPELINE = "stages/human_study/dvc.yaml"
SETTINGS = "stages/human_study/params.yaml"
VARIANT = "data/round_trip/images/generator-single"
ANNOTATIONS = Path("data/human_study/annotations")
COUNT = 6


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which the study looks as if it had run, with sets that are its own."""
    clone = Clone(tmp_path_factory.mktemp("human_study"))
    root = clone.folder
    captioner = "data/my_captioner"
    change(root / SETTINGS, {"images_per_group": 2, "sets": 2, "captioner": captioner})
    stages = yaml.safe_load((root / PIPELINE).read_text())["stages"]
    outputs = [out for stage in stages.values() for out in stage["outs"]]
    inputs = [f"{captioner}/weights", "data/clip/model/weights", "data/ground_truth/scenes.jsonl"]
    inputs += ["data/families/captioner.json"]
    for name in [*inputs, *outputs]:
        file = root / name
        if not file.suffix and name in outputs:  # a folder
            file = file / "content"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"content of {name}")
    (root / VARIANT).mkdir(parents=True)
    for number in range(COUNT):
        Image.new("RGB", (8, 8), "red").save(root / VARIANT / f"key{number}.jpg")
    index = [{"image_id": str(number), "key": f"key{number}"} for number in range(COUNT)]
    write_json_lines(root / VARIANT / "index.jsonl", index)
    images = [CaptionedImage(str(number), "x.jpg", ("a", "b", "c")) for number in range(COUNT)]
    write_json_lines(root / "data/corpus/val.jsonl", images)
    losses = [{"image_id": str(number), "loss": -number} for number in range(COUNT)]
    (root / "data/human_study/losses.json").write_text(json.dumps(losses))
    (root / "data/human_study/sets/content").unlink()
    clone.dvc("repro", "--quiet", "--single-item", f"{PIPELINE}:sets")
    clone.dvc("commit", "--force", PIPELINE)
    return clone


@contextmanager
def settings(clone: Clone, **values: object) -> Iterator[None]:
    """The clone with other parameters, put back afterwards."""
    file = clone.folder / SETTINGS
    before = file.read_text()
    change(file, values)
    try:
        yield
    finally:
        file.write_text(before)


def stale(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The stages whose own inputs have changed."""
    monkeypatch.chdir(clone.folder)
    return {name.rpartition(":")[2] for name in Repo().status(targets=[PIPELINE])}


def test_the_sets_are_those_of_the_parameters(clone: Clone) -> None:
    study = clone.folder / "data/human_study"
    assert json.loads((study / "sets.json").read_text()) == [["5", "1"], ["4", "0"]]
    page = json.loads((study / "sets/set_2/page.json").read_text())
    assert [image["references"] for image in page["images"]] == [["a", "b"]] * 2
    assert (study / "sets/set_2" / page["images"][0]["file"]).is_file()
    assert json.loads((study / "manifest.json").read_text())["loss_unit"] == "nats per token"


def test_nothing_is_stale_after_it_ran(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stale(clone, monkeypatch) == set()


def test_the_main_line_does_not_run_the_study(clone: Clone) -> None:
    assert "human_study" not in clone.command("dvc", "repro", "--dry", "--force")


def test_annotations_are_kept_by_git_and_analysed_alone(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = clone.folder / ANNOTATIONS / "anna.jsonl"
    append(file, annotation("1", "anna"))
    damaged = file.with_name("anna.jsonl.damaged")
    try:
        assert stale(clone, monkeypatch) == {"analysis"}
        damaged.write_text("half a line")
        listed = clone.command("git", "status", "--short", "--untracked-files=all")
        assert str(ANNOTATIONS / "anna.jsonl") in listed
        assert "damaged" not in listed
        assert not re.search(r"data/human_study/(?!annotations)", listed)
        file.unlink()
        # What the analysis puts beside its input must not make it stale at once.
        assert stale(clone, monkeypatch) == set()
    finally:
        file.unlink(missing_ok=True)
        damaged.unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"references_shown": "all"}, {"parameters", "sets"}),
        ({"loss": "loss_sum_smoothed"}, {"parameters", "scores", "sets"}),
        ({"annotations_per_image": 2}, {"parameters", "analysis"}),
        ({"automatic.seed": 1}, {"parameters", "automatic"}),
        ({"images_per_group": 4}, {"parameters", "sets"}),
    ],
)
def test_a_parameter_runs_what_reads_it(
    clone: Clone, monkeypatch: pytest.MonkeyPatch, values: dict[str, object], expected: set[str]
) -> None:
    with settings(clone, **values):
        assert stale(clone, monkeypatch) == expected

"""The documented example of scores that a stage of the user's writes, followed to the letter.

By hand (``pytest -m by_hand -n0 tests/pipeline/test_own_scores.py``): the page's command, with the
whole pipeline in a clone, in four minutes. Always: the page's script between the stages that it
stands between, and where DVC puts its stage.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from caption_curation import paths
from tests import small_epochs as stages
from tests.conftest import REPOSITORY
from tests.pipeline.clone import Clone
from tests.stages import test_epoch

FILES = ("mine/score.py", "mine/dvc.yaml")
SETTINGS = {
    "inputs.scores": "mine/scores",
    "curation.score": "file",
    "curation.method": "replace_caption",
}

workspace = test_epoch.workspace


def page() -> str:
    return (REPOSITORY / "docs/how-to/own-scores.md").read_text(encoding="utf-8")


def write_files(folder: Path) -> None:
    """The files of the page, under the names that their first lines say."""
    blocks = dict(
        re.findall(r"^```(?:python|yaml)\n# (\S+)\n(.*?)^```", page(), re.MULTILINE | re.DOTALL)
    )
    assert tuple(blocks) == FILES
    (folder / "mine").mkdir()
    for name, content in blocks.items():
        (folder / name).write_text(content, encoding="utf-8")


def documented_commands() -> list[list[str]]:
    (commands,) = re.findall(r"^```bash\n(.*?)^```", page(), re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for line in commands.splitlines()]


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def check_choices(folder: Path) -> None:
    """The samples chosen after epoch 1 are those that lie highest above their image's mean."""
    epoch = folder / paths.losses(1).parent
    losses = {line["sample_id"]: line["loss_mean"] for line in lines_of(epoch / "losses.jsonl")}
    of_image: dict[str, list[float]] = {}
    for name, loss in losses.items():
        of_image.setdefault(name.rpartition("#")[0], []).append(loss)
    above = {name: loss - mean(of_image[name.rpartition("#")[0]]) for name, loss in losses.items()}
    edits = lines_of(epoch / "curated/edits.jsonl")
    assert len(edits) == int(0.4 * len(losses))
    assert [edit["sample_id"] for edit in edits] == sorted(above, key=lambda name: -above[name])[
        : len(edits)
    ]
    assert all(edit["evidence"]["score"] == above[edit["sample_id"]] for edit in edits)


def test_the_script_between_the_stages(workspace: test_epoch.Workspace) -> None:
    workspace("run", SETTINGS)
    write_files(Path())
    Path("mine/scores").mkdir()
    Path("mine/scores/0.jsonl").touch()
    stages.run_epoch(0)
    stages.write_losses(1)
    for epoch in (0, 1):
        subprocess.run(
            [sys.executable, "mine/score.py", str(epoch)],
            env=os.environ | {"PYTHONPATH": str(REPOSITORY / "src")},
            check=True,
        )
    assert Path("mine/scores/0.jsonl").read_text() == ""
    stages.run_epoch(1)
    check_choices(Path())
    assert len(lines_of(paths.scores(1))) == len(lines_of(paths.samples(0)))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with the page's files."""
    clone = Clone(tmp_path_factory.mktemp("clone"))
    write_files(clone.folder)
    return clone


def test_dvc_runs_the_stage_before_scores_are_read(clone: Clone) -> None:
    clone.set(**SETTINGS)
    graph = clone.dvc("dag", "--dot", "stages/epochs/dvc.yaml:curate@1").output
    clone.reset()
    arrows = set(re.findall(r'"(\S+)" -> "(\S+)"', graph.replace("stages/epochs/dvc.yaml:", "")))
    assert {
        ("score@1", "mine/dvc.yaml:after_epoch@1"),
        ("mine/dvc.yaml:after_epoch@1", "scores@1"),
        ("mine/dvc.yaml:before_training", "scores@0"),
    } <= arrows
    assert "mine/dvc.yaml:after_epoch@2" not in graph


@pytest.mark.by_hand
def test_the_commands_of_the_page(clone: Clone) -> None:
    add, run = documented_commands()
    clone.command(*add)
    assert run[0] == "dvc"
    ran = {stage for stage in clone.dvc(*run[1:]).stages if stage.startswith("mine/")}
    # After the last epoch nothing is chosen.
    assert ran == {"mine/dvc.yaml:before_training", "mine/dvc.yaml:after_epoch@1"}
    check_choices(clone.folder)
    assert clone.dvc("repro").stages == []


def test_the_commands_set_what_the_quick_tests_do() -> None:
    _, run = documented_commands()
    assert run[:3] == ["dvc", "exp", "run"]
    assert [word for word in run[3:] if word != "-S"] == [
        f"{key}={value}" for key, value in SETTINGS.items()
    ]

"""A tiny study under DVC: queued, run, compared, and not run again."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.pipeline.clone import Clone

FRACTION = "profiles/tiny.yaml:data.train_fraction"
STYLER = """it's a "photograph", Canon EOS R3; f = 1.8"""
# One epoch, so that curation before training is all there is: no experiment draws an image.
STUDY = {
    "title": "Tiny",
    "parameters": {
        "training.epochs": 1,
        "curation.schedule": "static",
        "curation.ratio": 0.4,
        "prompt.styler": STYLER,
        FRACTION: 1.0,
    },
    "groups": [
        {
            "name": "methods",
            "title": "Methods",
            "question": "Does it help?",
            "grids": [{"seed": 0, "curation.method": ["remove", "none"]}],
        },
        {
            "name": "again",
            "title": "Again",
            "question": "",
            "grids": [{"seed": 0, "curation.method": ["none"]}],
        },
        {
            "name": "few_shot",
            "title": "Few-shot",
            "question": "",
            "grids": [{"seed": 0, "curation.method": "none", FRACTION: [0.5, 1.0]}],
        },
    ],
}
PAGE = "reports/tiny_study"
FEW = "tiny-data.train_fraction_0.5-none-seed0"
NAMES = ["tiny-none-seed0", FEW, "tiny-remove-static-top0.4-seed0"]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    clone = Clone(tmp_path_factory.mktemp("clone"))
    (clone.folder / "studies/tiny.yaml").write_text(yaml.safe_dump(STUDY))
    clone.commit("study")
    return clone


def python(clone: Clone, module: str, *words: str) -> str:
    return clone.command(sys.executable, "-m", module, *words)


def study(clone: Clone, *words: str) -> str:
    return python(clone, "caption_curation", "study", "studies/tiny.yaml", "--jobs", "1", *words)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def files(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}


def queue(clone: Clone) -> dict[str, str]:
    status = clone.dvc("queue", "status").output
    return dict(re.findall(r"^[0-9a-f]{7} +(\S+) .* (\w+) *$", status, re.MULTILINE))


def test_without_experiments_the_message_says_what_to_run(clone: Clone) -> None:
    nothing = subprocess.run(
        [sys.executable, "-m", "caption_curation", "compare"],
        cwd=clone.folder,
        env=clone.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert nothing.returncode == 1
    assert nothing.stderr.startswith("error: there is no finished experiment to compare")
    assert "dvc repro" in nothing.stderr


def test_a_study_runs_and_is_compared(clone: Clone) -> None:
    assert [line.split(" (")[0] for line in study(clone, "--list").splitlines()] == [
        f"{name}: to run" for name in NAMES
    ]
    assert queue(clone) == {}
    assert "3 experiments, 0 of them finished" in study(clone)
    assert queue(clone) == dict.fromkeys(NAMES, "Success")

    # The tables say what the experiments' metrics say.
    page = clone.folder / PAGE
    shown = json.loads(clone.dvc("exp", "show", "--json").output)
    expected = {
        experiment["name"]: experiment["revs"][0]["data"]["metrics"][
            "reports/evaluation/metrics.json"
        ]["data"]["test"]["cider"]
        for experiment in shown[1]["experiments"]
    }
    found = {row["experiment"]: float(row["cider"]) for row in rows(page / "tables/runs.csv")}
    assert found == pytest.approx(expected, rel=1e-5)
    assert set(found) == set(NAMES)
    scores = rows(page / "tables/scores.csv")
    few = "tiny, 50 % of the images"
    assert {(row["section"], row["setting"]) for row in scores} == {
        ("methods-tiny", "tiny"),
        ("again-tiny", "tiny"),
        ("few_shot-tiny", "tiny"),
        ("few_shot-tiny_50_of_the_images", few),
    }
    for name in NAMES:
        params = clone.command("git", "show", f"{revision(clone, name)}:params.yaml")
        assert yaml.safe_load(params)["prompt"]["styler"] == STYLER
    difference = next(
        float(row["minus_none_mean"])
        for row in scores
        if row["method"] == "remove" and row["metric"] == "cider"
    )
    assert difference == pytest.approx(expected[NAMES[2]] - expected[NAMES[0]], abs=1e-5)


def test_a_finished_study_runs_nothing_and_writes_the_same_bytes(clone: Clone) -> None:
    before = files(clone.folder / PAGE)
    assert "3 experiments, 3 of them finished" in study(clone)
    assert files(clone.folder / PAGE) == before
    # So too when the page has been committed, and the experiments are of another commit.
    clone.command("git", "add", "--force", PAGE)
    clone.commit("the study's page")
    listed = study(clone, "--list").splitlines()
    assert listed == [f"{name}: finished as {name}" for name in NAMES]
    assert "3 of them finished" in study(clone)
    assert files(clone.folder / PAGE) == before
    # A part of it is on a page of its own.
    assert "2 experiments, 2 of them finished" in study(clone, "--groups", "few_shot")
    assert files(clone.folder / PAGE) == before
    runs = rows(clone.folder / f"{PAGE}-few_shot" / "tables/runs.csv")
    assert {row["experiment"] for row in runs} == {NAMES[0], FEW}
    assert queue(clone) == dict.fromkeys(NAMES, "Success")


def test_what_cannot_be_compared_is_named(clone: Clone) -> None:
    page = clone.folder / "reports/comparison"
    clone.dvc("exp", "run", "--queue", "--name", "later", "-S", "seed=7")
    compare = ["--experiments", *NAMES, "later"]
    said = python(clone, "caption_curation", "compare", *compare)
    assert "compared 3 experiment(s)" in said
    assert "left out: later: queued, not run yet" in said
    assert rows(page / "tables/left_out.csv") == [
        {"experiment": "later", "reason": "queued, not run yet"}
    ]
    assert "<li>later: queued, not run yet</li>" in (page / "index.html").read_text()
    # All of them in a table, with the scores that the page has; two are of the commit before.
    assert "tiny-none" not in python(clone, "caption_curation", "experiments")
    header, *lines = python(clone, "caption_curation", "experiments", "-A").splitlines()
    assert header.split()[:3] == ["experiment", "seed", "CIDEr"]
    shown = {line.split()[0]: line.split() for line in lines if not line.startswith(" ")}
    assert shown["later"][1:3] == ["7", "-"] and shown["later"][-1] == "queued"
    for row in rows(clone.folder / PAGE / "tables/runs.csv"):
        score = f"{100 * float(row['cider']):.1f}"
        assert shown[row["experiment"]][1:3] == ["0", score]
        assert shown[row["experiment"]][-1] == "finished"
    first = files(page)
    python(clone, "caption_curation", "compare", *compare)
    assert files(page) == first

    # A result that is nowhere at hand, as after `git fetch` without `dvc exp pull`.
    name = NAMES[2]
    lock = yaml.safe_load(clone.command("git", "show", f"{revision(clone, name)}:dvc.lock"))
    (evaluation,) = lock["stages"]["evaluate"]["outs"]
    digest = evaluation["md5"]
    (clone.folder / ".dvc/cache/files/md5" / digest[:2] / digest[2:]).unlink()
    said = python(clone, "caption_curation", "compare", "--experiments", *NAMES)
    assert "compared 2 experiment(s)" in said
    assert f"left out: {name}: reports/evaluation is not in DVC's cache" in said
    assert f"dvc exp pull REMOTE {name}" in said


def revision(clone: Clone, name: str) -> str:
    listed = clone.command("git", "for-each-ref", "--format=%(objectname) %(refname)", "refs/exps")
    return next(line.split()[0] for line in listed.splitlines() if line.endswith(f"/{name}"))

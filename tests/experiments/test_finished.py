"""What the locks of a finished experiment say of it, read from git."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from caption_curation.experiments.comparability import largest_comparable
from caption_curation.experiments.finished import FinishedExperiment, Listed, Repository, Unusable
from caption_curation.experiments.given import EMPTY, Given

PARAMETERS = {"seed": 0, "curation": {"method": "none"}, "training": {"epochs": 1}}


def locks(**hashes: str) -> dict[str, Any]:
    """The content of dvc.lock: some stages that matter, with these hashes of files."""

    def stage(deps: list[str], outs: list[str]) -> dict[str, Any]:
        return {
            part: [{"path": path, "md5": hashes.get(path, "0")} for path in paths]
            for part, paths in (("deps", deps), ("outs", outs))
        }

    return {
        "corpus": stage(["stages/corpus.py"], ["data/corpus"]),
        "clip_model": stage(["data/my_clip"], ["data/clip/model"]),
        "sbert_captions": stage(["data/my_encoder"], ["data/sbert_captions.jsonl"]),
        "verdicts@1": stage(["stages/verdicts.py"], ["data/epochs/1/verdicts.jsonl"]),
        "train": {
            **stage(["data/families/captioner.json", "versions.yaml"], ["data/captioner"]),
            "params": {"params.yaml": {"inputs.images": hashes.get("images", "photographs")}},
        },
        "evaluate": stage(
            ["data/captioner", "data/clip/model", "stages/evaluate.py"], ["reports/evaluation"]
        ),
        "report": {
            **stage(["reports/evaluation", "stages/report.py"], ["reports/report.html"]),
            "params": {"params.yaml": {"seed": 0, "curation": {"method": "none"}}},
        },
    }


def recorded(folder: Path, stages: dict[str, Any], name: str) -> FinishedExperiment:
    """A commit with these locks, as the comparison reads it."""

    def git(*words: str) -> str:
        identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.org"]
        done = subprocess.run(
            ["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "--quiet")
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMETERS))
    for lock, in_lock in (
        ("dvc.lock", {key: stage for key, stage in stages.items() if "@" not in key}),
        ("stages/epochs/dvc.lock", {key: stage for key, stage in stages.items() if "@" in key}),
    ):
        (folder / lock).parent.mkdir(parents=True, exist_ok=True)
        (folder / lock).write_text(yaml.safe_dump({"stages": in_lock}))
    git("add", "--all")
    git("commit", "--quiet", "--allow-empty", "--message", name)
    listed = Listed(name, git("rev-parse", "HEAD"), "success")
    return Repository(folder, folder / "cache").read(listed)


@pytest.mark.parametrize(
    "changed",
    [
        "data/clip/model",
        "data/corpus",
        "data/families/captioner.json",
        "data/sbert_captions.jsonl",
        "stages/evaluate.py",
        "versions.yaml",
    ],
)
def test_what_results_depend_on_must_be_the_same(tmp_path: Path, changed: str) -> None:
    """Also where no parameter tells: a folder of one name may hold another CLIP by now."""
    same = recorded(tmp_path, locks(), "same")
    other = recorded(tmp_path, locks(**{changed: "1"}), "other")

    assert [omitted.reason for omitted in largest_comparable([same, other])[1]] == [
        f"not comparable: another {changed}"
    ]


@pytest.mark.parametrize("changed", ["stages/report.py", "stages/verdicts.py"])
def test_what_only_the_report_shows_matters_to_no_comparison(tmp_path: Path, changed: str) -> None:
    same = recorded(tmp_path, locks(), "same")
    other = recorded(tmp_path, locks(**{changed: "1"}), "other")

    assert same.setting == other.setting
    # Nor would a study run its experiments again.
    assert changed not in other.sources


def test_where_a_machine_has_its_photographs_matters_to_no_comparison(tmp_path: Path) -> None:
    here = recorded(tmp_path, locks(), "here")
    elsewhere = recorded(tmp_path, locks(images="/mnt/photographs"), "elsewhere")

    assert here.setting == elsewhere.setting


@pytest.mark.parametrize("folder", ["mine", "/mnt/mine", "data/written_by_a_stage_of_mine"])
def test_scores_and_decisions_are_those_that_the_stages_read(tmp_path: Path, folder: str) -> None:
    def reading(stage: str, file: str, md5: str, more: str) -> dict[str, Any]:
        paths = [more, file, f"stages/{stage}.py", f"src/caption_curation/curation/{stage}.py"]
        deps = [{"path": path, "md5": md5 if path == file else "0"} for path in paths]
        return {"deps": deps, "outs": []}

    stages = locks() | {
        "settle_static": reading("settle", f"{folder}/d.jsonl", "dd", "data/corpus/train.jsonl"),
        "scores@0": reading("scores", f"{folder}/s/0.jsonl", EMPTY, "data/corpus/train.jsonl"),
        # Of a longer run.
        "scores@1": reading("scores", f"{folder}/s/1.jsonl", "51", "data/corpus/train.jsonl"),
        "settle@1": reading("settle", f"{folder}/e.jsonl", "ee", "data/epochs/0/curated/x.jsonl"),
    }
    assert recorded(tmp_path, stages, "one epoch").given == Given({}, "dd")
    stages["scores@0"] = reading("scores", f"{folder}/s/0.jsonl", "50", "data/corpus/train.jsonl")
    assert recorded(tmp_path, stages, "static").given == Given({0: "50"}, "dd")
    assert recorded(tmp_path, locks(), "of before").given == Given()


@pytest.mark.parametrize("listed", [True, False])
def test_a_report_of_another_list_of_images_is_unfinished(tmp_path: Path, listed: bool) -> None:
    """Where the report depends on a file in a folder, the folder's list in the cache tells."""
    stages = locks(**{"data/corpus": "aabb.dir"})
    stages["report"]["deps"].append({"path": "data/corpus/train_images.jsonl", "md5": "old"})
    folder = tmp_path / "cache" / "files" / "md5" / "aa"
    folder.mkdir(parents=True)
    if listed:
        entries = [{"relpath": "train_images.jsonl", "md5": "new"}]
        (folder / "bb.dir").write_text(json.dumps(entries))
        with pytest.raises(Unusable, match=r"unfinished: data/corpus/train_images\.jsonl changed"):
            recorded(tmp_path, stages, "stale")
        entries[0]["md5"] = "old"
        other = tmp_path / "other" / "cache" / "files" / "md5" / "aa"
        other.mkdir(parents=True)
        (other / "bb.dir").write_text(json.dumps(entries))
        recorded(tmp_path / "other", stages, "right")
    else:
        recorded(tmp_path, stages, "unknown")

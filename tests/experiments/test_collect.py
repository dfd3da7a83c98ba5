"""Which experiments of a repository can be compared, and what is said of the others."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from caption_curation.experiments.collect import collect_runs
from caption_curation.experiments.finished import Repository
from caption_curation.support.errors import InputError
from stages import evaluate
from tests.experiments.test_runs import EPOCHS, OUTPUTS, stored_outputs
from tests.small_run import write_small_run

STAGES = {"reports/evaluation": "evaluate", "data/corpus": "corpus"}
HISTORY = f"data/epochs/{EPOCHS}/history"


def command(folder: Path, *words: str) -> str:
    done = subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def record(root: Path, results: Path, cache: Path, seed: int, code: str) -> str:
    """Commit what the locks of a finished run say, whose outputs lie in ``results``."""
    parameters = yaml.safe_load((root / "params.yaml").read_text()) | {"seed": seed}
    outputs = stored_outputs(results, cache)
    stages: dict[str, Mapping[str, Any]] = {
        STAGES.get(output, f"history@{EPOCHS}"): {
            "deps": [{"path": "stages/history.py", "md5": code}],
            "outs": [{"path": output, "md5": outputs[output]}],
        }
        for output in OUTPUTS
    }
    stages["report"] = {
        "params": {"params.yaml": {"seed": seed, "curation": parameters["curation"]}},
        "deps": [{"path": "reports/evaluation", "md5": outputs["reports/evaluation"]}],
        "outs": [],
    }
    (root / "params.yaml").write_text(yaml.safe_dump(parameters))
    for lock in ("dvc.lock", "stages/epochs/dvc.lock"):
        (root / lock).parent.mkdir(parents=True, exist_ok=True)
        of_epochs = lock.startswith("stages/")
        named = {name: stage for name, stage in stages.items() if ("@" in name) is of_epochs}
        (root / lock).write_text(yaml.safe_dump({"schema": "2.0", "stages": named}))
    command(root, "git", "add", "params.yaml", "dvc.lock", "stages")
    command(root, "git", "commit", "--quiet", "--message", f"seed {seed}")
    return command(root, "git", "rev-parse", "HEAD")


def of_an_earlier_version(results: Path, folder: Path) -> Path:
    """The results as they were while one file held the edits of all epochs."""
    shutil.copytree(results, folder)
    logs = sorted((folder / HISTORY).glob("edits-*.jsonl"))
    (folder / HISTORY / "edits.jsonl").write_text("".join(log.read_text() for log in logs))
    for log in logs:
        log.unlink()
    return folder


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Its ``HEAD`` has a run, and two others, ``old-1`` and ``old-2``, are of earlier code."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    root, results, cache = tmp_path / "repository", tmp_path / "results", tmp_path / "cache"
    write_small_run(results, method="remove", epochs=EPOCHS)
    monkeypatch.chdir(results)
    evaluate.main()
    root.mkdir()
    shutil.copy(results / "params.yaml", root)
    command(root, "git", "init", "--quiet")
    command(root, sys.executable, "-m", "dvc", "init", "--quiet")
    earlier = of_an_earlier_version(results, tmp_path / "earlier")
    for seed in (1, 2):
        commit = record(root, earlier, cache, seed, code="0ld")
        reference = f"refs/exps/{commit[:2]}/{commit[2:]}/old-{seed}"
        command(root, "git", "update-ref", reference, commit)
    record(root, results, cache, seed=3, code="new")
    return Repository(root, cache)


def test_experiments_of_an_earlier_version_are_named_and_do_not_displace_others(
    repository: Repository,
) -> None:
    """Though there are more of them, with the same parameters."""
    runs, left_out = collect_runs(repository, ["old-1", "HEAD", "old-2"])
    assert [(run.name, run.seed) for run in runs] == [("HEAD", 3)]
    assert [omitted.name for omitted in left_out] == ["old-1", "old-2"]
    for omitted in left_out:
        assert "files are of an earlier version of this project" in omitted.reason
        assert "run it again" in omitted.reason


def test_nothing_but_an_earlier_version_is_told_so(repository: Repository) -> None:
    with pytest.raises(InputError, match="no finished experiment to compare") as failed:
        collect_runs(repository, ["old-2"])
    assert "old-2: its files are of an earlier version" in str(failed.value)

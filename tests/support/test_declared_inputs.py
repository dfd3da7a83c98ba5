"""What dvc.yaml declares of a stage: as DVC reads it, and a digest that all of it changes."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from caption_curation.support.declared_inputs import declaration, inputs_digest
from tests.conftest import REPOSITORY
from tests.pipeline.clone import change
from tests.small_run import set_parameters


def test_stages_are_declared_as_dvc_reads_them() -> None:
    stages = [stage for stage in Repo(REPOSITORY).index.stages if stage.cmd]
    assert len(stages) > 100
    for stage in stages:
        found = declaration(stage.cmd, REPOSITORY, REPOSITORY)
        assert found is not None, stage.cmd
        expected = {
            Path(dep.fs_path).relative_to(REPOSITORY).as_posix()
            for dep in stage.deps
            if not hasattr(dep, "params")
        }
        assert set(found.get("deps", [])) == expected, stage.cmd
        params = {
            Path(dep.fs_path).relative_to(REPOSITORY).as_posix(): dep.params
            for dep in stage.deps
            if hasattr(dep, "params")
        }
        declared: dict[str, list[str]] = {}
        for entry in found.get("params", []):
            by_file = {"params.yaml": [entry]} if isinstance(entry, str) else entry
            for file, keys in by_file.items():
                declared.setdefault(file, []).extend(keys or [])
        assert {file: set(keys) for file, keys in declared.items()} == {
            file: set(keys) for file, keys in params.items()
        }, stage.cmd
    assert declaration("python -m stages.score 99", REPOSITORY, REPOSITORY) is None


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one stage, and what it reads."""
    set_parameters(tmp_path, {"training.prompt": "a picture of "})
    stage = {
        "cmd": "python -m stages.score ${key}",
        "params": ["training.prompt", {"profiles/${profile}.yaml": ["captioner.fine_tuning"]}],
        "deps": ["data/${item}/captioner", "data/samples.jsonl", "src/code"],
    }
    content = {
        "vars": ["params.yaml", {"epochs": {"1": "zero", "2": "one"}}],
        "stages": {"score": {"foreach": "${epochs}", "do": stage}},
    }
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump(content))
    for file in ("data/zero/captioner/weights", "data/samples.jsonl", "src/code/score.py"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(file)
    return tmp_path


def sha256(files: Sequence[Path]) -> list[str]:
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]


def digest(root: Path, *facts: str) -> str:
    stage = declaration("python -m stages.score 1", root, root)
    assert stage is not None
    return inputs_digest(stage, root, root, facts, sha256)


def test_the_digest_is_of_what_is_read_alone(project: Path) -> None:
    same = digest(project)
    change(project / "params.yaml", {"training.epochs": 7, "seed": 5})
    change(project / "profiles" / "demo.yaml", {"captioner.checkpoint_steps": 7})
    (project / "data" / "other.jsonl").touch()
    (project / "src" / "code" / "__pycache__").mkdir()
    (project / "src" / "code" / "__pycache__" / "score.pyc").touch()
    assert digest(project) == same
    elsewhere = project.parent / f"{project.name}-elsewhere"
    shutil.copytree(project, elsewhere)
    assert digest(elsewhere) == same


def test_whatever_is_read_changes_the_digest(project: Path) -> None:
    digests = [digest(project), digest(project, "cuda"), digest(project, "cpu")]
    change(project / "params.yaml", {"training.prompt": "a photo of "})
    digests.append(digest(project))
    change(project / "profiles" / "demo.yaml", {"captioner.fine_tuning.batch_size": 7})
    digests.append(digest(project))
    for file in ("data/zero/captioner/weights", "data/samples.jsonl", "src/code/score.py"):
        (project / file).write_text("other")
        digests.append(digest(project))
    (project / "src/code/more.py").touch()
    digests.append(digest(project))
    (project / "data/samples.jsonl").unlink()
    digests.append(digest(project))
    assert len(set(digests)) == len(digests) == 10

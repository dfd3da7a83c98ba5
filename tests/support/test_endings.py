"""How commands end: by a line, where the user or the machine is the reason, or by a traceback."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

from caption_curation import paths
from caption_curation.experiments import queue as experiment_queue
from caption_curation.synthetic_index import INDEX, read_synthetic_index
from stages import run
from tests.commands.console import console
from tests.conftest import REPOSITORY


def end_of(statement: str) -> subprocess.CompletedProcess[str]:
    """What a process says that ends by a statement after the stages' package was imported."""
    return subprocess.run(
        [sys.executable, "-c", f"import stages; {statement}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def run_stage(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Runs a stage's main without arguments, whatever those of this process are."""
    monkeypatch.setattr(sys, "argv", ["stage"])
    return run


def test_an_interrupted_stage_shows_no_traceback() -> None:
    done = end_of("raise KeyboardInterrupt")
    assert done.returncode != 0
    assert done.stderr == "interrupted; the same command goes on with what is finished\n"


def test_another_failure_shows_its_traceback() -> None:
    done = end_of("1 / 0")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback") and "ZeroDivisionError" in done.stderr


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOSPC, errno.EROFS])
def test_a_folder_that_cannot_be_written_to_is_named(
    number: int, run_stage: Callable[[Callable[[], None]], None]
) -> None:
    def write() -> None:
        raise OSError(number, os.strerror(number), "data/epochs")

    with pytest.raises(SystemExit, match=f"error: data/epochs: {os.strerror(number)}"):
        run_stage(write)


def test_a_file_where_a_folder_is_to_be_is_named(
    tmp_path: Path, run_stage: Callable[[Callable[[], None]], None]
) -> None:
    def make() -> None:
        (tmp_path / "file" / "data").mkdir()

    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=r"error: .*data: Not a directory"):
        run_stage(make)


def test_a_missing_file_is_a_fault_of_ours_and_shows_its_place(
    tmp_path: Path, run_stage: Callable[[Callable[[], None]], None]
) -> None:
    def remove() -> None:
        (tmp_path / "gone").unlink()

    with pytest.raises(FileNotFoundError):
        run_stage(remove)


def test_a_result_that_is_not_there_is_named_with_what_brings_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run_stage: Callable[[Callable[[], None]], None],
) -> None:
    """As where a stage is forced alone."""
    monkeypatch.chdir(tmp_path)
    file = paths.synthetic(1) / INDEX
    with pytest.raises(SystemExit, match=f"^error: {file}: there is no such file; `dvc pull`"):
        run_stage(lambda: print(*read_synthetic_index(file)))
    with pytest.raises(SystemExit, match=r"^error: data/epochs/2/history: there is no such file"):
        run_stage(lambda: print(*paths.history(2).iterdir()))


def test_an_interrupted_study_says_that_its_experiments_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(names: Sequence[str], jobs: int) -> list[str]:
        raise KeyboardInterrupt

    group = {"name": "a", "title": "A", "question": "", "grids": [{"seed": 987654321}]}
    study = {"title": "Never run", "parameters": {}, "groups": [group]}
    (tmp_path / "never_run.yaml").write_text(yaml.safe_dump(study))
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setattr(experiment_queue, "run_queued", interrupted)
    monkeypatch.setattr(experiment_queue, "clear_interrupted", lambda names: [])
    monkeypatch.setattr(experiment_queue, "enqueue", lambda name, settings: None)
    ended = console("study", tmp_path / "never_run.yaml")
    assert ended.status == 130
    assert "go on without" in ended.err and "dvc queue stop --kill" in ended.err
    assert ended.err.endswith("interrupted\n")

"""Ctrl-C ends a command with a line that says how to go on, and other failures with their place."""

import subprocess
import sys
from collections.abc import Sequence

import pytest

from caption_curation import experiment_queue
from stages import study
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


def test_an_interrupted_stage_shows_no_traceback() -> None:
    done = end_of("raise KeyboardInterrupt")
    assert done.returncode != 0
    assert done.stderr == "interrupted; the same command goes on with what is finished\n"


def test_another_failure_shows_its_traceback() -> None:
    done = end_of("1 / 0")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback") and "ZeroDivisionError" in done.stderr


def test_an_interrupted_study_says_that_its_experiments_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(names: Sequence[str], jobs: int) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment_queue, "run_queued", interrupted)
    monkeypatch.setattr(experiment_queue, "clear_interrupted", lambda names: [])
    with pytest.raises(SystemExit, match=r"go on without.*dvc queue stop --kill"):
        study._run([], {}, jobs=1)

"""DVC's queue of experiments: fill it, start its workers, wait until it is empty."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from caption_curation.experiments.dvc_internals import queue_states
from caption_curation.support.errors import InputError

POLL_SECONDS = 5.0
# A worker needs some seconds to start and to answer; after so many polls without any it is gone.
POLLS_WITHOUT_WORKERS = 6
UNFINISHED = ("Queued", "Running")


def enqueue(name: str, settings: Sequence[str]) -> None:
    """Queue an experiment of the current commit.

    Args:
        name: of the experiment.
        settings: as ``--set-param`` takes them.
    """
    words = [word for setting in settings for word in ("--set-param", setting)]
    _dvc("exp", "run", "--queue", "--name", name, *words)


def forget(name: str) -> None:
    """Take an experiment that failed out of the queue, so that it can be queued again."""
    _dvc("queue", "remove", name)


def clear_interrupted(names: Sequence[str]) -> list[str]:
    """Take out of the queue what is marked as running although no worker is alive.

    That is what a machine which was switched off leaves behind.

    Args:
        names: of the experiments that are looked at.

    Returns:
        The names of those taken out.
    """
    states, workers = queue_states(Path())
    interrupted = [name for name in names if states.get(name) == "Running" and not workers]
    for name in interrupted:
        _dvc("queue", "kill", "--force", name)
        forget(name)
    return interrupted


def run_queued(names: Sequence[str], jobs: int) -> list[str]:
    """Start workers and wait for experiments; workers go on if this process is stopped.

    Args:
        names: of queued or running experiments; others in the queue are run as well, but not
            waited for.
        jobs: number of workers.

    Returns:
        The names of those that failed.
    """
    _dvc("queue", "start", "--jobs", str(jobs))
    without_workers = 0
    with tqdm(total=len(names), desc="experiments", disable=None) as progress:
        while True:
            states, workers = queue_states(Path())
            waiting = [name for name in names if states.get(name) in UNFINISHED]
            progress.update(len(names) - len(waiting) - progress.n)
            if not waiting:
                return [name for name in names if states.get(name) == "Failed"]
            without_workers = 0 if workers else without_workers + 1
            if without_workers == POLLS_WITHOUT_WORKERS:
                for name in waiting:
                    if states[name] == "Running":
                        _dvc("queue", "kill", "--force", name)
                _dvc("queue", "start", "--jobs", str(jobs))
                without_workers = 0
            time.sleep(POLL_SECONDS)


def _dvc(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise InputError(f"`dvc {' '.join(words[:2])}` failed: {done.stderr.strip()}")

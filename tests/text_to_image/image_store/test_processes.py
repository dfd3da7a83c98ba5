"""Several processes at one store: none generates what another does, and any may be killed."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from caption_curation.text_to_image.image_store import Counts, ImageStore, open_store
from tests.text_to_image.image_store.noise_generator import (
    BATCH_SIZE,
    RECIPE,
    claimed_slots,
    noise_images,
    requests_for,
)

SCRIPT = Path(__file__).with_name("noise_generator.py")
NEVER = -1
PATIENCE = 60  # seconds until a process that should have moved is thought to hang

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a generating process; those that still run at the end are killed."""
    processes = []

    def start_process(
        seeds: range, *, blocked: int = NEVER, meet: int = 1, log: str = "log"
    ) -> "subprocess.Popen[str]":
        arguments = (tmp_path / "cache", tmp_path / log, seeds.start, seeds.stop, blocked, meet)
        words = [sys.executable, str(SCRIPT), *map(str, arguments)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    yield start_process
    for process in processes:
        process.kill()
        process.communicate()


def counts_of(process: "subprocess.Popen[str]") -> Counts:
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    return Counts(**json.loads(output))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "nothing happens"
        time.sleep(0.02)


def seeds_in(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().split()]


def test_processes_share_the_work(start: Start, tmp_path: Path) -> None:
    # Both need 10 to 29. Neither continues before the other has begun, so both generate some.
    processes = start(range(30), meet=2), start(range(10, 40), meet=2)
    first, second = map(counts_of, processes)
    assert sorted(seeds_in(tmp_path / "log")) == list(range(40))
    assert first.generated + second.generated == 40
    assert first.generated + first.reused == second.generated + second.reused == 30
    assert min(first.generated, second.generated) >= BATCH_SIZE
    with open_store(tmp_path / "cache") as store:
        assert store.missing(requests_for(range(40))) == []
        assert claimed_slots(store) == []


def test_killed_process_keeps_its_finished_images(start: Start, tmp_path: Path) -> None:
    process = start(range(9), blocked=6)
    wait_for((tmp_path / "log.blocked").exists)
    finished = list(requests_for(range(6)))  # generated just now, so perhaps still being written
    wait_for(lambda: not ImageStore(tmp_path / "cache").missing(finished))
    process.kill()
    process.wait()
    with open_store(tmp_path / "cache") as store:
        assert claimed_slots(store) == []
        assert store.missing(requests_for(range(9))) == list(requests_for(range(6, 9)))
        counts = store.obtain(RECIPE, requests_for(range(9)), noise_images, BATCH_SIZE)
        assert counts == Counts(3, 6, 0)


def test_a_process_that_waits_for_a_killed_one_takes_over(start: Start, tmp_path: Path) -> None:
    holder = start(range(8), blocked=2)  # holds 0 to 3, of which it finishes 0 and 1
    wait_for((tmp_path / "log.blocked").exists)
    waiting = start(range(8), log="second log")
    with open_store(tmp_path / "cache") as store:
        wait_for(lambda: store.missing(requests_for(range(4, 8))) == [])
        assert store.missing(requests_for(range(4))) == list(requests_for(range(2, 4)))
    with pytest.raises(subprocess.TimeoutExpired):  # 2 and 3 are in progress, as far as it knows
        waiting.wait(timeout=0.5)
    holder.kill()
    assert counts_of(waiting) == Counts(6, 2, 0)
    assert seeds_in(tmp_path / "second log") == [4, 5, 6, 7, 2, 3]

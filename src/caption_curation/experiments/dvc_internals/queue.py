"""DVC's queue of experiments."""

import json
from pathlib import Path

import psutil

from caption_curation.experiments.dvc_internals.repository import open_repository


def queue_states(root: Path) -> tuple[dict[str, str], int]:
    """The state of every experiment in the queue by name, and the number of living workers.

    Raises:
        InputError: as :func:`open_repository`.
    """
    with open_repository(root) as repository:
        queue = repository.experiments.celery_queue
        states: dict[str, str] = {}
        for task in queue.status():
            states.setdefault(task["name"], task["status"])
        # A worker of a busy machine may be late to answer: its process is what tells.
        records = Path(queue.wdir).glob("dvc-exp-worker-*.json")
        return states, sum(_is_worker(record) for record in records)


def _is_worker(record: Path) -> bool:
    """Whether the process of a worker's record is alive, and still a worker."""
    try:
        process = psutil.Process(json.loads(record.read_text())["pid"])
        return "queue-worker" in process.cmdline()
    except psutil.Error:
        return False

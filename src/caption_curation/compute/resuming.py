"""Work that goes on after a kill, on all processes of a stage."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import torch

from caption_curation.compute.devices import autocast
from caption_curation.compute.process_group import from_main, gather, process_index, shard
from caption_curation.support.declared_inputs import declaration, inputs_digest
from caption_curation.support.digest_memo import DigestMemo
from caption_curation.support.dvc_cache import dvc_cache_folder
from caption_curation.support.parts import Form, Parts
from caption_curation.support.unfinished import unfinished_work

Result = TypeVar("Result")

# Batches that a process saves together: of images on a GPU, some seconds' work. A part costs about
# a millisecond, and no result depends on how many there are.
BATCHES_OF_A_PART = 32


class UnfinishedWork:
    """What a stage saves while it works, on all its processes.

    A context: what was saved is removed when the block ends, and stays if the block raises or the
    process is killed. Nothing is looked for, or made, before :meth:`folder` is called, so that a
    stage whose work is too short to be saved takes no time for it.
    """

    def __init__(
        self, command: str, root: Path, device: torch.device, facts: Mapping[str, Any]
    ) -> None:
        """Work of a stage in the current folder.

        Args:
            command: of the stage, as dvc.yaml has it. What dvc.yaml declares that it reads, the
                device and the precision decide which saved work is its.
            root: of the code.
            device: that models are on.
            facts: whatever else decides it.
        """
        self._command, self._root = command, root
        # In effect, and not by name: a launcher's "no" is what a CPU does without a launcher.
        with autocast(device):
            is_half = torch.is_autocast_enabled(device.type)
        self._facts = [device.type, is_half, *sorted(facts.items())]
        self._held = ExitStack()
        self._folder: Path | None = None
        self._is_open = False

    def __enter__(self) -> "UnfinishedWork":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.__exit__(kind, error, trace)

    def folder(self) -> Path | None:
        """Where to save: the same on all processes, all of which call this.

        It need not exist. ``None``: nothing is saved, as dvc.yaml has no such stage, or another
        stage that runs now does the same work.
        """
        if not self._is_open:
            self._folder = from_main(self._open() if process_index() == 0 else None)
            self._is_open = True
        return self._folder

    def _open(self) -> Path | None:
        stage = declaration(self._command, self._root, Path())
        if stage is None:
            return None
        cache = dvc_cache_folder()
        memo = DigestMemo(cache)
        digest = inputs_digest(
            stage, self._root, Path(), self._facts, lambda files: memo.digests(files, "sha256")
        )
        name = "-".join(self._command.removeprefix("python -m stages.").split())
        return self._held.enter_context(unfinished_work(cache, f"{name}-{digest[:32]}"))


def map_batches(
    count: int,
    compute: Callable[[Sequence[int]], Iterable[Result]],
    *,
    title: str,
    form: Form[Result],
    work: UnfinishedWork | None,
) -> list[Result]:
    """The results of batches, which the process group shares; those that are saved are not redone.

    Args:
        count: number of batches.
        compute: gives the results of some of them, in order; called once, with this process's
            share.
        title: what is computed, in a word or two; it names the parts' folder.
        form: of the parts.
        work: where parts are saved if there is more than one; ``None``: nowhere.

    Returns:
        One result a batch, in order, on every process.
    """
    folder = work.folder() if work and count > BATCHES_OF_A_PART else None
    parts = Parts(folder / title.replace(" ", "_"), form, BATCHES_OF_A_PART) if folder else None
    # What one process finds is what all believe: others may be saving parts by then.
    finished = from_main(parts.finished() if parts and process_index() == 0 else {})
    if finished and process_index() == 0:
        print(f"{title}: going on with {len(finished)} of {count} batches done", flush=True)
    remaining = [batch for batch in range(count) if batch not in finished]
    own = shard(remaining)
    results = []
    for batch, result in zip(own, compute(own), strict=True):
        results.append(result)
        if parts:
            parts.add(batch, result)
    finished |= zip(remaining, gather(results), strict=True)
    return [finished[batch] for batch in range(count)]

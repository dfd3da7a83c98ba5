"""How many processes share a stage's work, and which of them this is.

Like the device, their number is up to the machine: it is not a parameter, and no result depends on
it, beyond rounding. A launcher, ``accelerate launch`` or ``torchrun``, starts them and tells each
its rank in environment variables.

This module must not import torch, not even to ask torch.distributed: a stage with nothing to do
ends before it needs the seconds of that import.
"""

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from caption_curation.support.errors import InputError

LAUNCHER = "CAPTION_CURATION_LAUNCH"  # for instance "accelerate launch --mixed_precision bf16"


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """This is process ``index`` (from 0) of ``count``; ``local_*``: among those on this machine."""

    index: int
    count: int
    local_index: int
    local_count: int

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes the stage's outputs and prints."""
        return self.index == 0

    @property
    def hide_progress(self) -> bool | None:
        """For tqdm's ``disable``: only the main process shows a bar, and only on a terminal."""
        return None if self.is_main else True


def process_info() -> ProcessInfo:
    """What the launcher said; without one, this process is the only one."""
    return ProcessInfo(
        index=int(os.environ.get("RANK", "0")),
        count=int(os.environ.get("WORLD_SIZE", "1")),
        local_index=int(os.environ.get("LOCAL_RANK", "0")),
        local_count=int(os.environ.get("LOCAL_WORLD_SIZE", "1")),
    )


def launch(module: str, arguments: Sequence[str]) -> None:
    """Replace this process by the launcher that ``CAPTION_CURATION_LAUNCH`` names, if it is set.

    The launcher then runs ``module``, so DVC's commands are the same on every machine. Launched
    processes do not launch again.

    Raises:
        InputError: there is no such program.
    """
    launcher = shlex.split(os.environ.pop(LAUNCHER, ""))
    if not launcher or process_info().count > 1:
        return
    sys.stdout.flush()
    try:
        os.execvp(launcher[0], [*launcher, "-m", module, *arguments])
    except OSError as error:
        raise InputError(
            f"{LAUNCHER} = {shlex.join(launcher)!r}: cannot run {launcher[0]!r} "
            f"({error.strerror}); allowed: a launcher with its options, for instance "
            "'accelerate launch --num_processes 4 --mixed_precision bf16'"
        ) from error

"""How many processes do a stage's work together, and which of them this is.

Like the device, their number is the machine's business: it is no parameter, and no result depends
on it but for rounding. A launcher, ``accelerate launch`` or ``torchrun``, starts them and tells
each its place in environment variables. This module is needed where torch is not yet imported.
"""

import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from caption_curation.support.errors import InputError

LAUNCHER = "CAPTION_CURATION_LAUNCH"  # for instance "accelerate launch --mixed_precision bf16"


@dataclass(frozen=True, slots=True)
class Processes:
    """This is process ``index`` (from 0) of ``count``; ``local_*``: of those on this machine."""

    index: int
    count: int
    local_index: int
    local_count: int

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes the stage's outputs and speaks."""
        return self.index == 0

    @property
    def hide_progress(self) -> bool | None:
        """For tqdm's ``disable``: one process shows a bar, and that on a terminal only."""
        return None if self.is_main else True


def these_processes() -> Processes:
    """What the launcher said; without one, this process is alone."""
    return Processes(
        index=int(os.environ.get("RANK", "0")),
        count=int(os.environ.get("WORLD_SIZE", "1")),
        local_index=int(os.environ.get("LOCAL_RANK", "0")),
        local_count=int(os.environ.get("LOCAL_WORLD_SIZE", "1")),
    )


def launch(module: str, arguments: Sequence[str]) -> None:
    """Become the launcher of ``module``, if ``CAPTION_CURATION_LAUNCH`` names one; else return.

    So DVC's commands are the same on every machine. The launched processes do not launch again.

    Raises:
        InputError: there is no such program.
    """
    launcher = shlex.split(os.environ.pop(LAUNCHER, ""))
    if not launcher or these_processes().count > 1:
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

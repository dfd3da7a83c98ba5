"""A stage whose process is killed while it writes a checkpoint.

``python -m tests.compute.killed_in_writing STEP -m MODULE ARGUMENT…`` runs a stage until the first
checkpoint at or after a step is written but for its name, and kills the process there. Whoever
waits for that moment from outside may miss it, as it is short.
"""

import os
import runpy
import signal
import sys
from pathlib import Path

_replace = os.replace


def main(step: int, module: str, arguments: list[str]) -> None:
    def replace(source: Path | str, target: Path | str) -> None:
        name = Path(target).stem
        if name.startswith("step-") and int(name.removeprefix("step-")) >= step:
            os.kill(os.getpid(), signal.SIGKILL)
        _replace(source, target)

    os.replace = replace  # type: ignore[assignment]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[3], sys.argv[4:])

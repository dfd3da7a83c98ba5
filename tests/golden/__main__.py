"""``python -m tests.golden RESULTS``: run the main pipeline at a small size, for every method.

A program of its own, since the switches of the arithmetic are set before torch is imported.
"""

import argparse
import contextlib
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from caption_curation.support.arithmetic import Arithmetic, set_switches, unportable_processor
from tests.golden.project import CASES, write_project


def command_line() -> argparse.ArgumentParser:
    """What may be asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.golden",
        description="Run the main pipeline at a small size, for every method of curation, in a "
        "temporary folder, and write the numerical class and the digests of all outputs.",
    )
    parser.add_argument("results", type=Path, help="the JSON file to write")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), metavar="CASE",
                        help=f"of {'; '.join(CASES)}")  # fmt: skip
    parser.add_argument("--until", metavar="COMMAND", help="the last stage of each case, as in "
                        "dvc.yaml ('python -m stages.score 1')")  # fmt: skip
    parser.add_argument("--arithmetic", choices=("native", "portable"), help="portable, if the "
                        "processor has it, unless given")  # fmt: skip
    parser.add_argument("--apart", action="store_true", help="each stage in a process of its own, "
                        "or in those that CAPTION_CURATION_LAUNCH starts")  # fmt: skip
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, and write what came of it."""
    parsed = command_line().parse_args(arguments)
    results = parsed.results.absolute()
    os.environ["ACCELERATE_USE_CPU"] = "true"  # two runs on a GPU may differ
    with TemporaryDirectory(prefix="golden-") as name:
        arithmetic: Arithmetic = parsed.arithmetic or best_arithmetic()
        write_project(Path(name), arithmetic)
        with contextlib.chdir(name):
            set_switches(Path("params.yaml"))
            from tests.golden.pipeline import one_meteor, run_apart, run_cases, run_here

            run = run_apart if parsed.apart else run_here
            started = time.process_time()
            with contextlib.nullcontext() if parsed.apart else one_meteor():
                found = run_cases({case: CASES[case] for case in parsed.cases}, run, parsed.until)
            print(f"{time.process_time() - started:.0f} s of processor time", file=sys.stderr)
            content = {**_environment(arithmetic), "outputs": found}
    results.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def best_arithmetic() -> Arithmetic:
    """Portable, where the processor has it."""
    return "native" if unportable_processor() else "portable"


def _environment(arithmetic: Arithmetic) -> dict[str, object]:
    """What the bytes may depend on."""
    from caption_curation.compute.arithmetic import enter_arithmetic
    from caption_curation.compute.devices import prepare_device
    from caption_curation.support.versions import installed_versions

    return {
        "numerical_class": enter_arithmetic(prepare_device(), arithmetic),
        "python": platform.python_version(),
        "versions": installed_versions(),
    }


if __name__ == "__main__":
    main()

"""``python -m benchmarks NAME … | all | table``, from the repository's root."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from tqdm import tqdm

from benchmarks.results import RESULTS, read_results, record, write_results
from benchmarks.table import insert_table, table
from caption_curation.support.errors import InputError

PAGE = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "benchmarks.md"
BENCHMARKS = ("scoring", "sweep", "start_up", "storage", "gpu")  # modules of this package


def main(arguments: Sequence[str] | None = None) -> None:
    """Run benchmarks and keep what they found, or write the documentation's table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure, and keep the results in benchmarks/results.json. `table` writes them "
        "into docs/how-to/benchmarks.md instead. Everything but the GPU's takes about half an hour "
        "on two cores; what else the machine does meanwhile makes times longer, not so the ratios.",
    )
    parser.add_argument("names", nargs="+", choices=[*BENCHMARKS, "all", "table"], metavar="NAME",
                        help=", ".join([*BENCHMARKS, "all", "table"]))  # fmt: skip
    names = parser.parse_args(arguments).names
    try:
        if "table" in names:
            if len(names) > 1:
                raise InputError("`table` goes alone: it writes what was measured before")
            results = read_results(RESULTS)
            shown = {name: results[name] for name in BENCHMARKS if name in results}
            insert_table(PAGE, table(shown))
            return
        for name in tqdm(BENCHMARKS if "all" in names else names, disable=None):
            _measure(name)
    except InputError as error:
        sys.exit(f"error: {error}")


def _measure(name: str) -> None:
    """Run a benchmark, print what it found, and keep it beside the others' results."""
    found = record(import_module(f"benchmarks.{name}").measure)
    tqdm.write(table({name: found}))
    results = read_results(RESULTS)
    # What another machine measured is worth more than the news that this one cannot.
    if not (found.outcome.not_measured and name in results and results[name].outcome.rows):
        write_results(RESULTS, {**results, name: found})


if __name__ == "__main__":
    main()

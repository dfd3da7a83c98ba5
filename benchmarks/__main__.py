"""``python -m benchmarks NAME … | all | table``, from the repository's root."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from tqdm import tqdm

from benchmarks import scale
from benchmarks.results import RESULTS, read_results, record, write_results
from benchmarks.scale import SIZES
from benchmarks.table import insert_table, table
from caption_curation.support.errors import InputError

PAGE = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "benchmarks.md"
FIGURE = PAGE.with_name("scale.svg")
BENCHMARKS = ("scoring", "sweep", "start_up", "storage", "gpu")  # modules of this package
SCALE = "scale"  # takes hours, and has tables and a figure of its own
SCALE_MARKERS = (
    "<!-- scale: begin (written by `python -m benchmarks table`) -->",
    "<!-- scale: end -->",
)


def command_line() -> argparse.ArgumentParser:
    """What may be asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure, and keep the results in benchmarks/results.json. `table` writes them "
        "into docs/how-to/benchmarks.md instead. `all` is everything but `scale`; without the "
        "GPU's it takes about half an hour on two cores. What else the machine does meanwhile "
        "makes times longer, not so the ratios.",
    )
    choices = [*BENCHMARKS, SCALE, "all", "table"]
    parser.add_argument("names", nargs="+", choices=choices, metavar="NAME",
                        help=", ".join(choices))  # fmt: skip
    parser.add_argument("--images", type=int, nargs="+", choices=SIZES, default=SIZES, metavar="N",
                        help=f"the sizes that `scale` runs: of {', '.join(map(str, SIZES))}; those "
                        "measured before are not run again")  # fmt: skip
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run benchmarks and keep what they found, or write the documentation's table."""
    parsed = command_line().parse_args(arguments)
    names = parsed.names
    try:
        if "table" in names:
            if len(names) > 1:
                raise InputError("`table` goes alone: it writes what was measured before")
            results = read_results(RESULTS)
            shown = {name: results[name] for name in BENCHMARKS if name in results}
            insert_table(PAGE, table(shown))
            _show_scale()
            return
        for name in tqdm(BENCHMARKS if "all" in names else names, disable=None):
            if name == SCALE:
                scale.measure(parsed.images)
            else:
                _measure(name)
    except InputError as error:
        sys.exit(f"error: {error}")


def _show_scale() -> None:
    from benchmarks.scale.table import figure, markdown

    rows = scale.read_rows()
    insert_table(PAGE, markdown(rows), SCALE_MARKERS)
    if rows:
        FIGURE.write_text(figure(rows), encoding="utf-8")


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

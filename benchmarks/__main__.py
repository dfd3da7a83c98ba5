"""``python -m benchmarks NAME … | all | table``, from the repository's root."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

from tqdm import tqdm

from benchmarks import arithmetic, scale
from benchmarks.results import RESULTS, Outcome, read_results, record, write_results
from benchmarks.scale import SIZES
from benchmarks.table import insert_table, table
from caption_curation.support.errors import InputError

PAGE = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "benchmarks.md"
FIGURE = PAGE.with_name("scale.svg")
BENCHMARKS = ("scoring", "sweep", "start_up", "storage", "gpu")  # modules of this package
ARITHMETIC = "arithmetic"  # takes hours, too
ARITHMETIC_MARKERS = (
    "<!-- arithmetic: begin (written by `python -m benchmarks table`) -->",
    "<!-- arithmetic: end -->",
)
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
        "into docs/how-to/benchmarks.md instead. `all` is everything but `scale` and "
        "`arithmetic`; without the GPU's it takes about half an hour on two cores. What else the "
        "machine does meanwhile makes times longer, not so the ratios.",
    )
    choices = [*BENCHMARKS, ARITHMETIC, SCALE, "all", "table"]
    parser.add_argument("names", nargs="+", choices=choices, metavar="NAME",
                        help=", ".join(choices))  # fmt: skip
    parser.add_argument("--images", type=int, nargs="+", choices=SIZES, default=SIZES, metavar="N",
                        help=f"the sizes that `scale` runs: of {', '.join(map(str, SIZES))}; those "
                        "measured before are not run again")  # fmt: skip
    of_arithmetic = parser.add_argument_group("arithmetic")
    of_arithmetic.add_argument("--methods", nargs="+", choices=arithmetic.METHODS,
                               default=arithmetic.METHODS, metavar="METHOD",
                               help=", ".join(arithmetic.METHODS))  # fmt: skip
    for name, what in (
        ("seeds", "seeds of every method"),
        ("generators", "generators, each with every seed"),
        ("perturbations", "perturbations of the captioner, and of the generator"),
    ):
        of_arithmetic.add_argument(f"--{name}", type=int, default=5, metavar="N", help=what)
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
            if ARITHMETIC in results:
                insert_table(PAGE, table({ARITHMETIC: results[ARITHMETIC]}), ARITHMETIC_MARKERS)
            _show_scale()
            return
        for name in tqdm(BENCHMARKS if "all" in names else names, disable=None):
            if name == SCALE:
                scale.measure(parsed.images)
            elif name == ARITHMETIC:
                _keep(name, partial(
                    arithmetic.measure, parsed.methods, seeds=parsed.seeds,
                    generators=parsed.generators, perturbations=parsed.perturbations,
                ))  # fmt: skip
            else:
                _keep(name, import_module(f"benchmarks.{name}").measure)
    except InputError as error:
        sys.exit(f"error: {error}")


def _show_scale() -> None:
    from benchmarks.scale.table import figure, markdown

    rows = scale.read_rows()
    insert_table(PAGE, markdown(rows), SCALE_MARKERS)
    if rows:
        FIGURE.write_text(figure(rows), encoding="utf-8")


def _keep(name: str, measure: Callable[[], Outcome]) -> None:
    """Run a benchmark, print what it found, and keep it beside the others' results."""
    found = record(measure)
    tqdm.write(table({name: found}))
    results = read_results(RESULTS)
    # What another machine measured is worth more than the news that this one cannot.
    if not (found.outcome.not_measured and name in results and results[name].outcome.rows):
        write_results(RESULTS, {**results, name: found})


if __name__ == "__main__":
    main()

"""What typer lacks.

Examples in help, flags shown without a type, options with several values or none, numbers above 0.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from caption_curation.support.errors import InputError, printable


def example(words: str) -> str:
    """The example at the end of a command's help."""
    return f"Example: `caption-curation {words}`"


def flag(*names: str, help: str) -> Any:
    """An option without a value; typer would show the type of one."""
    return typer.Option(*names, help=help, metavar="")


def check_checkout() -> None:
    """Raise an InputError unless this is the project's folder, whose files a command reads."""
    if not Path("params.yaml").is_file():
        raise InputError(f"{Path.cwd()} has no params.yaml: `cd` to the project's folder")


def report_import(said: str, notes: Sequence[str]) -> None:
    """Print what was done and, as notes, what is odd about annotations."""
    for note in notes:
        typer.echo(f"note: {printable(note)}", err=True)
    print(said)


def report_comparison(
    experiments: int, arithmetic: Sequence[str], notes: Sequence[str], folder: Path
) -> None:
    """Print how many were compared, what was left out, and the page in the comparison's folder.

    Args:
        experiments: their number.
        arithmetic: a line for each way in which they differ in numerical class.
        notes: what was left out and why, a line each.
        folder: of the page.
    """
    print(f"compared {experiments} experiment(s)")
    for line in arithmetic:
        print(f"in different arithmetic: {line}")
    for note in notes:
        print(f"left out: {note}")
    print(folder / "index.html")


EXPERIMENT = typer.Option(
    metavar="NAME",
    help="A finished experiment, also of another commit; HEAD is the commit's own run. Without it: "
    "that of the workspace.",
)
HOST = typer.Option(
    metavar="ADDRESS",
    help="The address to listen at; all but this machine's own need a password, from "
    "CAPTION_CURATION_PASSWORD in the environment or typed in.",
)
PORT = typer.Option(metavar="PORT", min=1, max=65535, help="The port to listen at.")
GROUPS = typer.Option(
    metavar="NAME...", help="Only these groups of the study, of each file that has them."
)


class WithSeveral(TyperCommand):
    """``--experiments A B`` is ``--experiments A --experiments B``; and so with others."""

    options = ("--experiments", "--groups", "--splits", "--study")

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The words as click wants them."""
        for option in self.options:
            args = repeat_option(option, args)
        return super().parse_args(ctx, args)


class WithMeasure(WithSeveral):
    """``--measure`` without a number is ``--measure 4``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The words as click wants them."""
        return super().parse_args(ctx, fill_option("--measure", "4", args))


def repeat_option(option: str, words: Sequence[str]) -> list[str]:
    """Put ``option`` before every value that follows it, up to the next option."""
    found: list[str] = []
    inside = False
    for word in words:
        if inside and not word.startswith("-") and found[-1] != option:
            found.append(option)
        inside = word == option or (inside and not word.startswith("-"))
        found.append(word)
    return found


def fill_option(option: str, value: str, words: Sequence[str]) -> list[str]:
    """Put ``value`` after ``option`` where another option or nothing follows it."""
    found: list[str] = []
    for word in words:
        if found[-1:] == [option] and word.startswith("--"):
            found.append(value)
        found.append(word)
    return [*found, value] if found[-1:] == [option] else found


def above_zero(number: float | None) -> float | None:
    """A callback for options that take a finite number above 0."""
    if number is not None and not 0 < number < math.inf:
        raise typer.BadParameter(f"{number:g}: a number above 0 is needed")
    return number

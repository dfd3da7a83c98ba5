"""``python -m docs.commands`` writes docs/reference/commands.md, from the repository's root.

The page is taken from the typer application, so that it says what ``--help`` says. A test says when
it is out of date.
"""

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent / "reference" / "commands.md"

BEGINNING = """\
# Commands

<!-- Written by `python -m docs.commands` from the command line itself. -->

`caption-curation` is what people do with the pipeline besides running it; `dvc repro` and `dvc exp
run` run it. Every command explains itself with `--help`, and works in the repository's root folder.

The stages of the pipeline are modules, `python -m stages.NAME`, which DVC calls; their `--help`
says what they do. `python -m benchmarks` measures speed ([how](../how-to/benchmarks.md)).
"""


def page() -> str:
    """The whole page, as Markdown."""
    return BEGINNING + "".join(f"\n{part}" for part in _command(command_line(), PROGRAM))


PROGRAM = "caption-curation"


def command_line() -> Any:
    """The application as the object that reads the command line.

    Typer brings its own copy of click, whose classes are private: what is read of them here are the
    attributes that click documents (``commands``, ``params``, ``opts``, ``help``) and two of typer
    0.29 by which it writes its own help (``display_name_raw``, ``display_type``).
    """
    app = import_module("caption_curation.commands.main").app
    return import_module("typer.main").get_command(app)


def _command(command: Any, name: str) -> Iterator[str]:
    """The parts of the page on a command and on those below it."""
    context = import_module("typer").Context(command, info_name=name)
    subcommands: dict[str, Any] = getattr(command, "commands", {})
    shown = [each for each in command.params if not getattr(each, "hidden", False)]
    arguments = [each for each in shown if each.param_type_name == "argument"]
    if name != PROGRAM:
        yield f"## {name}\n"
        yield inspect.cleandoc(command.help or "") + "\n"
    if not subcommands:
        words = [name, "[OPTIONS]", *map(_argument, arguments)]
        yield "```text\n" + " ".join(words) + "\n```\n"
    if shown:
        head = ["| option | meaning | default |", "|---|---|---|"]
        yield "\n".join([*head, *(_row(each, context) for each in shown)]) + "\n"
    if name != PROGRAM and command.epilog:
        yield inspect.cleandoc(command.epilog) + "\n"
    for inner_name, inner in subcommands.items():
        if not inner.hidden:
            yield from _command(inner, f"{name} {inner_name}")


def _argument(parameter: Any) -> str:
    several = parameter.metavar is None and parameter.nargs != 1
    name = parameter.display_name_raw + ("..." if several else "")
    return str(name if parameter.required else f"[{name}]")


def _row(parameter: Any, context: Any) -> str:
    """A line of the table of arguments and options."""
    if parameter.param_type_name == "argument":
        words = [_argument(parameter)]
    else:
        names = [*parameter.opts, *parameter.secondary_opts]
        value = parameter.metavar or parameter.display_type(context)
        words = names if parameter.is_flag else [f"{name} {value}" for name in names]
    default = "" if parameter.default in (None, False, "") else f"`{parameter.default}`"
    cells = [
        ", ".join(f"`{word}`" for word in words),
        " ".join((parameter.help or "").split()),
        "required" if parameter.required else default,
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()

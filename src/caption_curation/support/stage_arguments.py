"""The command line of a stage, read from its ``main``: what it takes, and what ``--help`` says.

A parameter of ``main`` is annotated with :class:`Whole`, :class:`OneOf` or :class:`Name`; its name
is that of the argument. Help also says what dvc.yaml declares of the stage, and runs nothing.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Any, get_type_hints

WIDTH = 80


@dataclass(frozen=True)
class Whole:
    """A whole number that is at least ``least``."""

    text: str
    least: int = 0

    def read(self, word: str) -> int:
        """The number; a ValueError says what is allowed."""
        if not word.isascii() or not word.isdecimal() or int(word) < self.least:
            raise ValueError(f"a whole number from {self.least} on is needed")
        return int(word)


class OneOf:
    """One of some words."""

    def __init__(self, *words: str) -> None:
        self.text = ", ".join(words[:-1]) + f" or {words[-1]}"
        self._words = words

    def read(self, word: str) -> str:
        """The word; a ValueError says which are allowed."""
        if word not in self._words:
            raise ValueError(f"allowed: {self.text}")
        return word


class Name:
    """A name that the parameters give: letters, digits, ``_`` and ``-``."""

    def __init__(self, text: str) -> None:
        self.text = text

    def read(self, word: str) -> str:
        """The word; a ValueError says what is allowed."""
        if not word.isascii() or not word.replace("_", "").replace("-", "").isalnum():
            raise ValueError(f"needed is {self.text}")
        return word


Epoch = Annotated[int, Whole("number of an epoch; 0 is the state before training")]
TrainedEpoch = Annotated[int, Whole("number of an epoch, from 1", least=1)]
Epochs = Annotated[int, Whole("number of epochs of the whole run", least=1)]


class UsageError(Exception):
    """Arguments that a stage does not take; the message says in one line what it takes."""


def read_arguments(main: Callable[..., None], module: str, words: Sequence[str]) -> list[Any]:
    """The values that ``main`` is called with.

    Args:
        main: of a stage.
        module: its name, such as ``stages.curate``.
        words: of the command line.

    Raises:
        UsageError: there are too many or too few, or one is not allowed.
    """
    kinds = _kinds(main)
    usage = f"usage: {_usage(module, kinds)}"
    if len(words) != len(kinds):
        missing = [name.upper() for name in list(kinds)[len(words) :]]
        surplus = " ".join(words[len(kinds) :])
        what = f"missing: {' '.join(missing)}" if missing else f"not taken: {surplus}"
        raise UsageError(f"{what}; {usage}")
    values = []
    for (name, kind), word in zip(kinds.items(), words, strict=True):
        try:
            values.append(kind.read(word))
        except ValueError as error:
            raise UsageError(f"{name} = {word}: {error}; {usage}") from error
    return values


def help_text(main: Callable[..., None], module: str, root: Path) -> str:
    """What a stage does, takes, reads and writes.

    Args:
        main: of the stage, with a docstring, in a module that has one too.
        module: its name.
        root: of the repository, whose dvc.yaml files are looked at.
    """
    kinds = _kinds(main)
    documented = [sys.modules[main.__module__].__doc__, main.__doc__]
    parts = [f"usage: {_usage(module, kinds)}"]
    parts += [_plain(text) for text in documented if text]
    if kinds:
        rows = {name.upper(): kind.text for name, kind in kinds.items()}
        parts.append("\n".join(["Arguments:", *_table(rows)]))
    parts += [_declaration(target, stage) for target, stage in _declared(module, root).items()]
    parts.append(
        "`dvc repro` runs a stage when something that it reads has changed, and records the\n"
        "results. Running a stage by hand overwrites its outputs and records nothing."
    )
    return "\n\n".join(parts)


def _kinds(main: Callable[..., None]) -> dict[str, Whole | OneOf | Name]:
    hints = get_type_hints(main, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items() if name != "return"}


def _usage(module: str, kinds: Mapping[str, Whole | OneOf | Name]) -> str:
    return " ".join(["python -m", module, *(name.upper() for name in kinds)])


def _declared(module: str, root: Path) -> dict[str, Mapping[str, Any]]:
    """The stages that run a module, by what `dvc repro` calls them."""
    import yaml

    found = {}
    for file in [root / "dvc.yaml", *sorted(root.glob("stages/*/dvc.yaml"))]:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        if f"{module}\n" not in text and f"{module} " not in text:
            continue
        prefix = "" if file.parent == root else f"{file.relative_to(root).as_posix()}:"
        for name, stage in yaml.safe_load(text)["stages"].items():
            body = stage.get("do", stage)
            if body["cmd"].split()[2] == module:
                found[f"{prefix}{name}"] = body
    return found


def _plain(docstring: str) -> str:
    """A docstring without what is for readers of the code."""
    text = cleandoc(docstring).partition("\n\nRaises:")[0].replace("``", "`")
    return re.sub(r":\w+:`[.~]*([\w.]+)`", r"`\1`", text)


def _declaration(target: str, stage: Mapping[str, Any]) -> str:
    sources = ("src/", "stages/")
    rows = {
        "reads": [path for path in stage.get("deps", []) if not path.startswith(sources)],
        "params": [key for entry in stage.get("params", []) for key in _parameters(entry)],
        "writes": stage.get("outs", []),
    }
    shown = {name: ", ".join(values) for name, values in rows.items() if values}
    said = wrap(stage["desc"], WIDTH, initial_indent="  ", subsequent_indent="  ")
    return "\n".join([f"dvc repro {target}", *said, *_table(shown)])


def _table(rows: Mapping[str, str]) -> list[str]:
    """Names and, wrapped beside them, what each stands for."""
    width = max(map(len, rows)) + 4
    return [
        line
        for name, text in rows.items()
        for line in wrap(
            text,
            WIDTH,
            initial_indent=f"  {name}".ljust(width),
            subsequent_indent=" " * width,
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]


def _parameters(entry: str | Mapping[str, Any]) -> list[str]:
    """The keys of an entry of ``params``; a file without keys stands for all of them."""
    if isinstance(entry, str):
        return [entry]
    return [f"{file}: {', '.join(keys) if keys else 'all'}" for file, keys in entry.items()]

"""``python -m tests.golden.compare NAME …``: golden runs in other environments against one here.

What came of it is kept in comparisons.json, and the table of docs/reproducibility.md is made of it.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.table import insert_table
from caption_curation.support.arithmetic import processor_name
from tests.golden.digests import Outputs, differing_stages
from tests.packaging.pythons import find_python
from tests.pipeline.clone import REPOSITORY

COMPARISONS = Path(__file__).resolve().parent / "comparisons.json"
PAGE = REPOSITORY / "docs" / "reproducibility.md"
MARKERS = (
    "<!-- comparisons: begin (written by `python -m tests.golden.compare`) -->",
    "<!-- comparisons: end -->",
)
TWO_PROCESSES = (
    f"{sys.executable} -m accelerate.commands.accelerate_cli launch --multi_gpu --num_processes 2 "
    "--num_machines 1 --mixed_precision no --dynamo_backend no --main_process_port 0"
)


@dataclass(frozen=True)
class Variant:
    """Another environment of a golden run.

    Attributes:
        title: what the table calls it.
        python: its version, in an environment that has just requirements.txt; ``""``: this one.
        package: installed besides.
        options: of ``python -m tests.golden``.
        launcher: what starts a stage's processes.
        emulator: what runs Python's instructions as another processor.
    """

    title: str
    python: str = ""
    package: str = ""
    options: tuple[str, ...] = ()
    launcher: str = ""
    emulator: str = ""


# In processes of its own each stage takes seconds to start.
APART = ("--apart", "--cases", "none", "replace_image")
VARIANTS: Mapping[str, Variant] = {
    "again": Variant("another run"),
    "apart": Variant(
        "every stage in a process of its own, as `dvc repro` runs them", options=APART
    ),
    "processes": Variant(
        "two processes a stage (`accelerate launch`)", options=APART, launcher=TWO_PROCESSES
    ),
    "python3.12": Variant("Python 3.12", python="3.12"),
    "python3.13": Variant("Python 3.13", python="3.13"),
    "torchvision": Variant("torchvision installed", package="torchvision==0.28.0"),
    # Of Debian's package qemu-user-static; it takes ten minutes.
    "emulated": Variant(
        "an Intel Haswell, emulated by QEMU",
        options=("--cases", "replace_image"),
        emulator="qemu-x86_64-static -cpu Haswell",
    ),
    "native": Variant("native arithmetic", options=("--arithmetic", "native")),
}


@dataclass(frozen=True)
class Row:
    """What came of one comparison: ``first`` is the first stage that wrote other bytes."""

    title: str
    same_class: bool
    digests: int
    differing: int
    first: str
    where: str
    date: str


def command_line() -> argparse.ArgumentParser:
    """What may be asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.golden.compare",
        description="Compare golden runs in portable arithmetic with one here, and write the table "
        "of docs/reproducibility.md. Other Pythons install requirements.txt from the network.",
    )
    parser.add_argument("names", nargs="*", choices=[*VARIANTS, []], metavar="NAME",
                        help=f"of {', '.join(VARIANTS)}")  # fmt: skip
    parser.add_argument("--results", nargs=2, metavar=("FILE", "TITLE"), help="compare with what "
                        "`python -m tests.golden FILE` wrote elsewhere, called TITLE")  # fmt: skip
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, keep what came of it, and write the table."""
    parsed = command_line().parse_args(arguments)
    rows = read_rows()
    if parsed.names or parsed.results:
        here = golden(Variant("one run"))
        for name in parsed.names:
            rows[name] = row_of(VARIANTS[name].title, here, golden(VARIANTS[name]))
            write_rows(rows)
        if parsed.results:
            file, title = parsed.results
            other = json.loads(Path(file).read_text(encoding="utf-8"))
            rows[title] = row_of(title, here, other)
            write_rows(rows)
    insert_table(PAGE, table(rows), MARKERS)


def golden(variant: Variant) -> dict[str, Any]:
    """What the golden run wrote in another environment."""
    print(variant.title, flush=True)
    with TemporaryDirectory(prefix="environment-") as name:
        folder = Path(name)
        variables = {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "src")])}
        program = Path(sys.executable)
        if variant.python:
            base = find_python(variant.python)
            if base is None:
                sys.exit(f"error: no Python {variant.python} on PATH or of pyenv's")
            _run([base, "-m", "venv", folder])
            program = folder / "bin" / "python"
            _run([program, "-m", "pip", "install", "-q", "-r", "requirements.txt"])
        if variant.package:
            words = ["-m", "pip", "install", "-q", "--no-deps", "--target", str(folder)]
            _run([program, *words, variant.package])
            variables["PYTHONPATH"] += f"{os.pathsep}{folder}"
        if variant.launcher:
            variables["CAPTION_CURATION_LAUNCH"] = variant.launcher
        results = folder / "golden.json"
        _run(
            [*variant.emulator.split(), program, "-m", "tests.golden", results, *variant.options],
            variables,
        )
        content: dict[str, Any] = json.loads(results.read_text(encoding="utf-8"))
        return content


def row_of(title: str, here: Mapping[str, Any], other: Mapping[str, Any]) -> Row:
    """Compare two golden runs, of those cases that both have."""
    ours, theirs = flat(here["outputs"]), flat(other["outputs"])
    cases = {case for *_, case in ours} & {case for *_, case in theirs}
    compared = {key for key in ours | theirs if key[-1] in cases}
    differing = {key for key in compared if ours.get(key) != theirs.get(key)}
    stages = differing_stages(_only(here["outputs"], cases), _only(other["outputs"], cases))
    return Row(
        title=title,
        same_class=here["numerical_class"] == other["numerical_class"],
        digests=len(compared),
        differing=len(differing),
        first=next(iter(stages), "").removeprefix("python -m stages."),
        where=f"{processor_name()}; Python {here['python']}, torch {here['versions']['torch']}",
        date=datetime.now(UTC).date().isoformat(),
    )


def flat(outputs: Outputs) -> dict[tuple[str, str, str], str]:
    """Digests by command, file and case."""
    return {
        (command, path, case): digest
        for command, files in outputs.items()
        for path, digests in files.items()
        for case, digest in digests.items()
    }


def table(rows: Mapping[str, Row]) -> str:
    """All comparisons as Markdown, the variants first."""
    lines = [
        "| one run, compared with | numerical class | bytes |",
        "|---|---|---|",
    ]
    places: dict[str, None] = {}
    for name in [*VARIANTS, *(rows.keys() - VARIANTS.keys())]:
        row = rows.get(name)
        if not row:
            lines.append(f"| {VARIANTS[name].title} | | not measured |")
            continue
        its_class = "the same" if row.same_class else "another"
        bytes_ = f"**equal**, all {row.digests} digests"
        if row.differing:
            bytes_ = f"{row.differing} of {row.digests} digests differ, from `{row.first}` on"
        lines.append(f"| {row.title} | {its_class} | {bytes_} |")
        places[f"{row.where}; {row.date}"] = None
    return "\n".join([*lines, "", *(f"On {place}." for place in places)])


def read_rows() -> dict[str, Row]:
    """What was found before, by name."""
    if not COMPARISONS.is_file():
        return {}
    content = json.loads(COMPARISONS.read_text(encoding="utf-8"))
    return {name: Row(**row) for name, row in content.items()}


def write_rows(rows: Mapping[str, Row]) -> None:
    """Keep what was found."""
    content = {name: asdict(row) for name, row in rows.items()}
    COMPARISONS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _only(outputs: Outputs, cases: set[str]) -> Outputs:
    return {
        command: {
            path: {case: digest for case, digest in digests.items() if case in cases}
            for path, digests in files.items()
        }
        for command, files in outputs.items()
    }


def _run(words: Sequence[str | Path], variables: Mapping[str, str] | None = None) -> None:
    environment = {**os.environ, **(variables or {})}
    subprocess.run(words, cwd=REPOSITORY, env=environment, check=True)


if __name__ == "__main__":
    main()

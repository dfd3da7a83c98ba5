"""The accepted digests: one file for each numerical class, and how they differ from others."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

ACCEPTED = Path(__file__).resolve().parent / "digests"
SHOWN = 12  # outputs of a stage

# By the command of a stage, in the order of the pipeline: each file that it writes, and its digest
# in each case.
Outputs: TypeAlias = dict[str, dict[str, dict[str, str]]]


def read_accepted(numerical_class: str, folder: Path = ACCEPTED) -> Outputs | None:
    """The accepted digests of a class; ``None`` if there are none."""
    path = folder / f"{numerical_class}.json"
    if not path.is_file():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    return {
        command: {
            path: dict.fromkeys(content["cases"], digests) if isinstance(digests, str) else digests
            for path, digests in files.items()
        }
        for command, files in content["outputs"].items()
    }


def accept(outputs: Outputs, numerical_class: str, folder: Path = ACCEPTED) -> None:
    """Keep digests as those of a class.

    If they are others than those of before, the results are others, and what was accepted of other
    classes goes: it was of the results of before, and their machines accept anew.
    """
    if read_accepted(numerical_class, folder) not in (None, outputs):
        for path in folder.glob("*.json"):
            path.unlink()
    of_all = (digests for files in outputs.values() for digests in files.values())
    cases = list(dict.fromkeys(case for digests in of_all for case in digests))
    content = {
        command: {path: _shortened(digests, cases) for path, digests in files.items()}
        for command, files in outputs.items()
    }
    folder.mkdir(exist_ok=True)
    path = folder / f"{numerical_class}.json"
    text = json.dumps({"cases": cases, "outputs": content}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def _shortened(digests: dict[str, str], cases: list[str]) -> dict[str, str] | str:
    """One digest where it is the same in all cases."""
    [first, *others] = set(digests.values())
    return digests if others or list(digests) != cases else first


def differences(expected: Outputs, found: Outputs) -> list[str]:
    """What differs, a line each, in the order of the pipeline; no lines: nothing.

    All outputs of the first stage that differs are named, as the others follow from them as a rule.
    """
    stages = differing_stages(expected, found)
    if not stages:
        return []
    (first, files), *others = stages.items()
    lines = [f"{first} is the first stage that writes other bytes:"]
    lines += [f"  {path} ({cases})" for path, cases in files[:SHOWN]]
    if len(files) > SHOWN:
        lines.append(f"  and {len(files) - SHOWN} more")
    if others:
        lines.append("so do, after it:")
        lines += [f"  {command} ({len(files)} files)" for command, files in others]
    return lines


def differing_stages(expected: Outputs, found: Outputs) -> dict[str, list[tuple[str, str]]]:
    """By the command of each stage that writes other bytes: the files, and in which cases."""
    stages = {command: list(_differing(command, expected, found)) for command in expected | found}
    return {command: files for command, files in stages.items() if files}


def _differing(command: str, expected: Outputs, found: Outputs) -> Iterator[tuple[str, str]]:
    """The files of a stage that differ, and in which cases."""
    before, now = expected.get(command, {}), found.get(command, {})
    for path in before | now:
        old, new = before.get(path, {}), now.get(path, {})
        cases = [case for case in old | new if old.get(case) != new.get(case)]
        if cases:
            all_of_them = len(cases) == len(old | new) and len(cases) > 1
            yield path, "in all cases" if all_of_them else "; ".join(cases)

"""What dvc.yaml declares that a stage reads, and a digest of it."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

_TEMPLATE = re.compile(r"\$\{\s*([\w.]+)\s*\}")
_CODE = ("src/", "stages/")


def declaration(command: str, root: Path, project: Path) -> Mapping[str, Any] | None:
    """The stage that a command runs, from the repository's dvc.yaml files, with values filled in.

    Args:
        command: as in ``cmd``, with its arguments.
        root: of the code, with dvc.yaml and stages/*/dvc.yaml.
        project: the folder that holds the parameter files.

    Returns:
        The stage's ``cmd``, ``params``, ``deps`` and so on; ``None`` if no stage runs the command.
    """
    module = command.split()[2]
    for file in [root / "dvc.yaml", *sorted(root.glob("stages/*/dvc.yaml"))]:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        if module in text:
            for stage in _stages(text, file.parent.relative_to(root), project):
                if stage["cmd"] == command:
                    return stage
    return None


def inputs_digest(
    stage: Mapping[str, Any],
    root: Path,
    project: Path,
    facts: Sequence[Any],
    file_digests: Callable[[Sequence[Path]], Sequence[str]],
) -> str:
    """A digest of what a stage reads: its parameters' values, and the content of its dependencies.

    Args:
        stage: from :func:`declaration`.
        root: the folder that paths of code are relative to.
        project: the folder that all other paths are relative to.
        facts: what else is to count, in JSON.
        file_digests: digests of files' contents, in order.

    Returns:
        64 hexadecimal digits. That a dependency is not there counts too.
    """
    files = {
        f"{path}:{name}": file
        for path in stage.get("deps", [])
        for name, file in _files((root if path.startswith(_CODE) else project) / path)
    }
    everything = {
        "params": dict(_parameters(stage, project)),
        "deps": dict(zip(files, file_digests(list(files.values())), strict=True)),
        "facts": facts,
    }
    return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()


def _stages(text: str, folder: Path, project: Path) -> Iterator[dict[str, Any]]:
    """The stages of a dvc.yaml file in ``folder``, those of ``foreach`` and ``matrix`` singly."""
    content = _read_yaml(text)
    values: dict[str, Any] = _read_file(project / "params.yaml")
    for entry in content.get("vars", []):
        if isinstance(entry, str):
            values |= _read_file(project / os.path.normpath(folder / entry))
        else:
            values |= entry
    # DVC takes a params.yaml beside a dvc.yaml for granted.
    beside = project / folder / "params.yaml"
    values |= _read_file(beside) if beside.is_file() else {}
    for stage in content["stages"].values():
        for each in _repetitions(stage, values):
            yield _filled(stage.get("do", stage), values | each)


def _repetitions(stage: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The values that each of a stage's repetitions has besides; one of none, if it has none."""
    if "foreach" in stage:
        each = _filled(stage["foreach"], values)
        items = each.items() if isinstance(each, dict) else ((None, item) for item in each)
        yield from ({"key": key, "item": item} for key, item in items)
    elif "matrix" in stage:
        axes = _filled(stage["matrix"], values)
        yield from ({"item": dict(zip(axes, one, strict=True))} for one in product(*axes.values()))
    else:
        yield {}


def _filled(template: Any, values: Mapping[str, Any]) -> Any:
    """A part of dvc.yaml with the values that it names in ``${…}``."""
    if isinstance(template, dict):
        return {_filled(key, values): _filled(part, values) for key, part in template.items()}
    if isinstance(template, list):
        return [_filled(part, values) for part in template]
    if not isinstance(template, str):
        return template
    whole = _TEMPLATE.fullmatch(template)
    if whole:
        return _value(values, whole[1])
    return _TEMPLATE.sub(lambda match: str(_value(values, match[1])), template)


def _value(values: Mapping[str, Any], key: str) -> Any:
    """What a dotted key stands for; ``None`` where there is no such key."""
    found: Any = values
    for name in key.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _parameters(stage: Mapping[str, Any], project: Path) -> Iterator[tuple[str, Any]]:
    for entry in stage.get("params", []):
        by_file = {"params.yaml": [entry]} if isinstance(entry, str) else entry
        for file, keys in by_file.items():
            content = _read_file(project / file)
            for key in keys or content:
                yield f"{file}:{key}", _value(content, key)


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    """A file, or all files of a folder by their names; nothing if it is not there."""
    if path.is_file():
        yield "", path
    for file in sorted(path.rglob("*")):
        if file.is_file() and file.parent.name != "__pycache__":
            yield file.relative_to(path).as_posix(), file


def _read_file(path: Path) -> dict[str, Any]:
    return dict(_read_yaml(path.read_text(encoding="utf-8")))


def _read_yaml(text: str) -> Any:
    import yaml

    return yaml.safe_load(text)

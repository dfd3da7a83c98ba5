"""What dvc.yaml declares of each stage is what the stage really uses.

A module that is missing among a stage's dependencies would leave stale results; one too many
would train models again for nothing.
"""

import ast
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCES = REPOSITORY / "src"

# These never change a result: they refuse bad values, name the error, say where files lie, put them
# there, and say how many processes there are.
NEUTRAL = {
    "src/caption_curation/__init__.py",
    "src/caption_curation/errors.py",
    "src/caption_curation/human_study/parameters.py",
    "src/caption_curation/outputs.py",
    "src/caption_curation/params.py",
    "src/caption_curation/pretraining.py",
    "src/caption_curation/processes.py",
    "src/caption_curation/round_trip/parameters.py",
    "stages/__init__.py",
    "stages/human_study/__init__.py",
    "stages/paths.py",
    "stages/pretrain/__init__.py",
    "stages/round_trip/__init__.py",
}


def stages() -> list[tuple[str, str, set[str]]]:
    """(name, entry point, declared code) of every stage of all pipelines."""
    found = []
    for file in [
        REPOSITORY / "dvc.yaml",
        *sorted(REPOSITORY.glob("stages/*/dvc.yaml")),
    ]:
        for name, stage in yaml.safe_load(file.read_text())["stages"].items():
            body = stage.get("do", stage)
            entry = body["cmd"].split()[2].replace(".", "/") + ".py"
            code = {path for path in body["deps"] if path.startswith(("src/", "stages/"))}
            found.append((name, entry, code))
    return found


def imported(path: str) -> set[str]:
    """The project's files that a file imports anywhere in it, lazily or not."""
    files = set()
    for node in ast.walk(ast.parse((REPOSITORY / path).read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        # Importing a module runs the packages that it is in.
        names += [
            ".".join(name.split(".")[:depth])
            for name in names
            for depth in range(1, name.count(".") + 1)
        ]
        for name in names:
            for root, prefix in ((SOURCES, "src/"), (REPOSITORY, "")):
                module = root / Path(*name.split("."))
                for file in (module.with_suffix(".py"), module / "__init__.py"):
                    if name.split(".")[0] in ("caption_curation", "stages") and file.is_file():
                        files.add(prefix + file.relative_to(root).as_posix())
    return files


def holds_only_a_docstring(path: str) -> bool:
    """Whether a file, such as a package's ``__init__.py``, has no code that could matter."""
    body = ast.parse((REPOSITORY / path).read_text()).body
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)


def everything_imported(entry: str) -> set[str]:
    found, waiting = set(), {entry}
    while waiting:
        path = waiting.pop()
        found.add(path)
        waiting |= imported(path) - found - NEUTRAL
    return found


@pytest.mark.parametrize(
    ("name", "entry", "declared"), [pytest.param(*stage, id=stage[0]) for stage in stages()]
)
def test_declared_code_is_imported_code(name: str, entry: str, declared: set[str]) -> None:
    used = everything_imported(entry)
    folders = {path for path in declared if (REPOSITORY / path).is_dir()}
    covered = {path for path in used if any(path.startswith(f"{one}/") for one in folders)}
    without_code = {path for path in used if holds_only_a_docstring(path)}
    assert used - covered - without_code - NEUTRAL == declared - folders, name
    for folder in folders:
        is_used = any(path.startswith(f"{folder}/") for path in used)
        assert is_used or not list((REPOSITORY / folder).rglob("*.py")), f"{name}: {folder}"

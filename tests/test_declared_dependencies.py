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
NEUTRAL = (
    "src/caption_curation/__init__.py",
    "src/caption_curation/config/",
    "src/caption_curation/curation/settings.py",
    "src/caption_curation/human_study/parameters.py",
    "src/caption_curation/paths.py",
    "src/caption_curation/round_trip/parameters.py",
    "src/caption_curation/support/",
    "stages/__init__.py",
    "stages/human_study/__init__.py",
    "stages/pretrain/__init__.py",
    "stages/round_trip/__init__.py",
)
# Their results cost a GPU's time: they depend on what they import, and on nothing beside it.
ON_GPU = {
    "stages/caption.py",
    "stages/finetune_generator.py",
    "stages/round_trip/captions.py",
    "stages/round_trip/images.py",
    "stages/score.py",
    "stages/synthesize.py",
    "stages/train_captioner.py",
}
# Stages that call one of these depend on the recorded versions, and no others do but the first.
MODEL_LIBRARIES = {"torch", "transformers", "diffusers", "tokenizers", "sentence_transformers"}
FIRST = "stages/parameters.py"  # refuses other versions before anything is computed
REPORTS = "src/caption_curation/reports"
REPORTING = {"stages/human_study/analysis.py", "stages/report.py", "stages/round_trip/report.py"}


def is_neutral(path: str) -> bool:
    return path.startswith(NEUTRAL)


def stages() -> list[tuple[str, str, set[str]]]:
    """(name, entry point, declared code) of every stage of all pipelines."""
    return [
        (name, entry, {path for path in declared if path.startswith(("src/", "stages/"))})
        for name, entry, declared in dependencies()
    ]


def dependencies() -> list[tuple[str, str, set[str]]]:
    """(name, entry point, everything declared) of every stage of all pipelines."""
    found = []
    for file in [
        REPOSITORY / "dvc.yaml",
        *sorted(REPOSITORY.glob("stages/*/dvc.yaml")),
    ]:
        for name, stage in yaml.safe_load(file.read_text())["stages"].items():
            body = stage.get("do", stage)
            entry = body["cmd"].split()[2].replace(".", "/") + ".py"
            found.append((name, entry, set(body["deps"])))
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


def libraries(path: str) -> set[str]:
    """The packages that a file imports anywhere in it, without their modules."""
    names = set()
    for node in ast.walk(ast.parse((REPOSITORY / path).read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


def holds_only_a_docstring(path: str) -> bool:
    """Whether a file, such as a package's ``__init__.py``, has no code that could matter."""
    body = ast.parse((REPOSITORY / path).read_text()).body
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)


def everything_imported(entry: str) -> set[str]:
    found, waiting = set(), {entry}
    while waiting:
        path = waiting.pop()
        found.add(path)
        waiting |= {module for module in imported(path) - found if not is_neutral(module)}
    return found


def code_in(folder: str) -> set[str]:
    """The files of a folder that hold code which could matter, in it or below."""
    files = {
        path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / folder).rglob("*.py")
    }
    return {path for path in files if not is_neutral(path) and not holds_only_a_docstring(path)}


EVERY_STAGE = pytest.mark.parametrize(
    ("name", "entry", "declared"), [pytest.param(*stage, id=stage[0]) for stage in stages()]
)


@EVERY_STAGE
def test_declared_code_is_imported_code(name: str, entry: str, declared: set[str]) -> None:
    used = {path for path in everything_imported(entry) if not holds_only_a_docstring(path)}
    folders = {path for path in declared if (REPOSITORY / path).is_dir()}
    covered = {path for path in used if any(path.startswith(f"{folder}/") for folder in folders)}
    assert used - covered == declared - folders, name
    for folder in folders:
        assert code_in(folder) & used or not code_in(folder), f"{name} uses nothing in {folder}"


@pytest.mark.parametrize("entry", sorted(ON_GPU))
def test_gpu_stages_depend_on_nothing_that_they_do_not_import(entry: str) -> None:
    declared = [code for _, one, code in stages() if one == entry]
    used = everything_imported(entry)
    assert declared
    for code in declared:
        assert {path for folder in code for path in code_in(folder)} <= used


@EVERY_STAGE
def test_only_reporting_depends_on_reports(name: str, entry: str, declared: set[str]) -> None:
    of_reports = {path for path in declared if f"{path}/".startswith(f"{REPORTS}/")}
    assert bool(of_reports) == (entry in REPORTING), name


def test_stages_that_run_models_depend_on_the_recorded_versions() -> None:
    for name, entry, declared in dependencies():
        used = {package for path in everything_imported(entry) for package in libraries(path)}
        runs_models = bool(used & MODEL_LIBRARIES) or entry == FIRST
        assert ("versions.yaml" in declared) == runs_models, name


def test_the_stages_that_need_a_gpu_are_stages() -> None:
    assert {entry for _, entry, _ in stages()} >= ON_GPU | REPORTING

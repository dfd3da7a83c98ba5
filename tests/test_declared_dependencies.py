"""What dvc.yaml declares of each stage is what the stage really uses.

A module that is missing among a stage's dependencies would leave stale results; one too many
would train models again for nothing.
"""

import ast
from pathlib import Path

import pytest
import yaml

from caption_curation.support import imports

REPOSITORY = Path(__file__).resolve().parent.parent
# They write digests of the families' code, of all families, and run none of it.
FAMILIES = ("stages/families.py", "stages/round_trip/recipe.py")

ROOMS = (("captioner", "text_to_image"), ("text_to_image",))  # whose families they are

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
REPORTING = {
    "stages/corpus_report.py",
    "stages/human_study/analysis.py",
    "stages/report.py",
    "stages/round_trip/report.py",
}


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
    return imports.holds_only_a_docstring(path, REPOSITORY)


def everything_imported(entry: str) -> set[str]:
    """What a stage imports; of the one that makes digests of families, what all of them import."""
    found = imports.everything_imported(entry, REPOSITORY)
    if entry in FAMILIES:
        found |= {
            file
            for module in family_modules(ROOMS[FAMILIES.index(entry)])
            for file in imports.everything_imported(module, REPOSITORY)
        }
    return found


def family_modules(rooms: tuple[str, ...]) -> list[str]:
    """The module of every family of captioners or generators."""
    return [
        path.relative_to(REPOSITORY).as_posix()
        for room in rooms
        for path in (REPOSITORY / f"src/caption_curation/{room}/families").glob("[!_]*.py")
    ]


def code_in(folder: str) -> set[str]:
    """The files of a folder that hold code which could matter, in it or below."""
    files = {
        path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / folder).rglob("*.py")
    }
    return {
        path for path in files if not imports.is_neutral(path) and not holds_only_a_docstring(path)
    }


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
        # The digests of families are taken of their code, which is not run.
        runs_models = bool(used & MODEL_LIBRARIES and entry not in FAMILIES) or entry == FIRST
        assert ("versions.yaml" in declared) == runs_models, name


# Models that they load in passing: to check that a folder holds one, or to make one.
MAKERS = {
    "stages/base_captioner.py",
    "stages/base_generator.py",
    "stages/human_study/parameters.py",
    "stages/parameters.py",
    "stages/round_trip/other_captioner.py",
    "stages/round_trip/other_generator.py",
    "stages/round_trip/parameters.py",
}


# A recipe holds the digest of its generator's family, which may be none of the experiment's.
WITH_RECIPES = {"stages/round_trip/images.py"}


def test_stages_that_use_a_model_depend_on_its_family_by_a_digest_alone() -> None:
    """Which module that is, no import says: it is found by the model's own configuration."""
    finders = {
        "data/families/captioner.json": "src/caption_curation/captioner/model/captioner.py",
        "data/families/generator.json": "src/caption_curation/text_to_image/family.py",
    }
    of_recipe = {"data/families/generator.json": "data/round_trip/recipes/${item.generator}.json"}
    for name, entry, declared in dependencies():
        if entry in {*FAMILIES, *MAKERS} or entry.startswith("stages/pretrain/"):
            continue
        used = everything_imported(entry)
        for digest, finder in finders.items():
            told = of_recipe.get(digest, digest) if entry in WITH_RECIPES else digest
            assert (told in declared) == (finder in used), (name, digest)
        assert not used & set(family_modules(ROOMS[0])), name
        assert not {path for path in declared if "/families" in f"{path}" and "src" in path}, name


def test_the_stages_that_need_a_gpu_are_stages() -> None:
    assert {entry for _, entry, _ in stages()} >= ON_GPU | REPORTING

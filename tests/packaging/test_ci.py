"""What the checks of every change do beside running the tests."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

TESTS = """\
import pytest

def test_a():
    pass

@pytest.mark.parametrize("place", ["[x]", "y"])
def test_b(place):
    pytest.skip(f"no {place} here")
"""
MODULE = """\
import pytest

pytest.importorskip("surely_no_such_module")
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pytest wrote about a test that passed, two that were skipped, and a skipped module."""
    folder = tmp_path_factory.mktemp("skips")
    (folder / "test_some.py").write_text(TESTS)
    (folder / "test_all.py").write_text(MODULE)
    results = folder / "tests.xml"
    words = [sys.executable, "-m", "pytest", "-q", f"--rootdir={folder}", f"--junitxml={results}"]
    subprocess.run(words, cwd=folder, check=True)
    return results


def check(results: Path, allowed: str) -> tuple[int, str]:
    """The exit status of the check with a list of such content, and what it says."""
    path = results.parent / "skips.txt"
    path.write_text(allowed)
    words = [sys.executable, *map(str, (REPOSITORY / ".ci/check_skips.py", results, path))]
    done = subprocess.run(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def test_skips_that_are_named_are_no_errors(results: Path) -> None:
    status, said = check(results, "# why\ntest_some.test_b  no reason\n\ntest_all  no module\n")
    assert status == 0, said
    assert said == "4 tests, 3 skipped, 0 of them without leave\n"


def test_a_module_stands_for_its_tests(results: Path) -> None:
    assert check(results, "test_some  no reason\ntest_all  no module\n")[0] == 0


def test_other_skips_are_errors(results: Path) -> None:
    status, said = check(results, "test_some.test_b[y]  no reason\n")
    assert status == 1
    [first, second, third] = said.splitlines()
    assert "surely_no_such_module" in first + second
    assert "test_some.test_b[[x]] was skipped" in first + second
    assert "no [x] here" in first + second
    assert third == "4 tests, 3 skipped, 2 of them without leave"


def test_names_that_fit_nothing_are_errors(results: Path) -> None:
    allowed = "test_some  no reason\ntest_all  no module\ntest_some.test_c  gone\n"
    status, said = check(results, allowed)
    assert status == 1
    assert "names test_some.test_c, which is no test" in said


def test_a_skip_needs_a_reason(results: Path) -> None:
    status, said = check(results, "test_some\n")
    assert status == 1
    assert "test_some may be skipped, but why?" in said


def test_the_readme_s_test_command_is_the_one_that_is_checked() -> None:
    command = "pip install -r requirements.txt -r requirements-dev.txt && pytest"
    assert command in (REPOSITORY / ".ci/run").read_text(encoding="utf-8")
    assert command in (REPOSITORY / "README.md").read_text(encoding="utf-8")

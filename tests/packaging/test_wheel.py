"""A wheel holds all that the package reads, and works with no repository around it."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from caption_curation.metrics.spice.files import FILES
from tests.conftest import REPOSITORY
from tests.human_study.page_sets import write_study

PACKAGE = "caption_curation"
SOURCES = REPOSITORY / "src" / PACKAGE
REPORTS = ("run", "comparison", "round_trip", "human_study")


def tracked(*paths: str) -> list[Path]:
    """The files at or below paths of the repository that git tracks or would track, relative."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *paths]
    listed = subprocess.run(words, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    return [Path(name) for name in listed.stdout.splitlines() if (REPOSITORY / name).is_file()]


@dataclass(frozen=True)
class Installed:
    """The wheel, and the folder that it was installed into."""

    wheel: Path
    folder: Path
    empty: Path  # where no repository is

    def run(self, *words: str) -> str:
        """What a command prints whose Python finds the installed package before any other."""
        environment = os.environ | {"PYTHONPATH": str(self.folder)}
        done = subprocess.run(
            words,
            cwd=self.empty,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def python(self, code: str, *arguments: str | Path) -> str:
        """What Python code prints that is run with the arguments as ``sys.argv[1:]``."""
        return self.run(sys.executable, "-c", code, *map(str, arguments))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    root = tmp_path_factory.mktemp("wheel")
    for name in tracked("pyproject.toml", "README.md", "LICENSE", "src"):
        (root / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, root / "source" / name)
    # Without network: setuptools is among the requirements of the tests, pip is in every venv.
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index"]
    build = ["wheel", *offline, "--no-build-isolation", f"--wheel-dir={root}", str(root / "source")]
    subprocess.run([*pip, *build], check=True)
    [wheel] = root.glob("*.whl")
    folder = root / "installed"
    subprocess.run([*pip, "install", *offline, "--target", folder, wheel], check=True)
    (root / "empty").mkdir()
    return Installed(wheel, folder, root / "empty")


def test_it_holds_the_package_s_files_and_no_others(installed: Installed) -> None:
    expected = {
        path.relative_to("src").as_posix(): (REPOSITORY / path).read_bytes()
        for path in tracked(f"src/{PACKAGE}")
    }
    assert {Path(name).suffix for name in expected} >= {".py", ".typed", ".html", ".css", ".class"}
    with zipfile.ZipFile(installed.wheel) as archive:
        content = {
            name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name
        }
    assert content.keys() == expected.keys()
    assert content == expected


def test_it_says_its_version(installed: Installed) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    code = f"from importlib.metadata import version; print(version({project['name']!r}))"
    assert installed.python(code).strip() == project["version"]


def test_every_module_can_be_imported(installed: Installed) -> None:
    code = """if True:
        import importlib, pkgutil, sys
        import caption_curation

        for module in pkgutil.walk_packages(caption_curation.__path__, "caption_curation."):
            if not module.name.endswith(".__main__"):
                importlib.import_module(module.name)
        for name, module in sys.modules.items():
            if name.partition(".")[0] in ("caption_curation", "stages", "tests"):
                print(module.__file__)
    """
    files = {Path(line) for line in installed.python(code).splitlines()}
    modules = {path for path in SOURCES.rglob("*.py") if path.name != "__main__.py"}
    package = installed.folder / PACKAGE
    assert files == {package / path.relative_to(SOURCES) for path in modules}


@pytest.mark.parametrize("report", REPORTS)
def test_the_templates_of_reports_are_found(installed: Installed, report: str) -> None:
    code = """if True:
        import sys
        from caption_curation.reports.page.html import template_environment

        environment = template_environment(f"caption_curation.reports.{sys.argv[1]}", {})
        for name in environment.list_templates():
            print(environment.loader.get_source(environment, name)[1])
    """
    found = {Path(line) for line in installed.python(code, report).splitlines()}
    reports = SOURCES / "reports"
    templates = [*reports.glob(f"{report}/templates/*"), *reports.glob("page/templates/*")]
    assert len(templates) > 1
    package = installed.folder / PACKAGE
    assert found == {package / path.relative_to(SOURCES) for path in templates}


def test_the_papers_numbers_are_found(installed: Installed) -> None:
    code = "from caption_curation.paper import numbers as n; print(len(n.table_2() + n.table_1()))"
    assert installed.python(code) == "14\n"


def test_the_annotation_page_is_served(installed: Installed, tmp_path: Path) -> None:
    code = """if True:
        import sys
        from pathlib import Path
        from caption_curation.human_study.annotation_page.app import create_app
        from caption_curation.human_study.annotation_page.study_set import load_set

        sets, annotations, *static = sys.argv[1:]
        rules = {"annotator": None, "password": None, "local_only": True}
        client = create_app(load_set(Path(sets), 1), Path(annotations), **rules).test_client()
        for path in ("/", *(f"/static/{name}" for name in static)):
            print(client.get(path, follow_redirects=True).status)
    """
    static = [path.name for path in (SOURCES / "human_study/annotation_page/static").iterdir()]
    sets = write_study(tmp_path, images=2)
    statuses = installed.python(code, sets, tmp_path / "annotations", *static).splitlines()
    assert statuses == ["200 OK"] * (1 + len(static))


@pytest.mark.parametrize("folder", ["serving", "review", "human_study/annotation_page"])
def test_pages_that_people_work_on_are_whole(installed: Installed, folder: str) -> None:
    files = [
        path.relative_to(SOURCES)
        for kind in ("templates", "static")
        for path in (SOURCES / folder).glob(f"{kind}/*")
    ]
    assert len(files) > 1
    assert [file for file in files if not (installed.folder / PACKAGE / file).is_file()] == []


def test_java_finds_the_class_that_runs_spice(installed: Installed, tmp_path: Path) -> None:
    """SPICE's parser is not here; the stack of what fails without it begins in our class."""
    code = """if True:
        import sys
        from pathlib import Path
        from caption_curation.metrics.coco.java import JavaError
        from caption_curation.metrics.coco.scores import CaptionedSplit
        from caption_curation.metrics.spice.scoring import spice_scores

        try:
            spice_scores([CaptionedSplit({"a": "a dog"}, {"a": ["the dog"]})], Path(sys.argv[1]))
        except JavaError as error:
            print(error)
    """
    for name in FILES:
        with zipfile.ZipFile(tmp_path / name, "w") as jar:
            jar.writestr("META-INF/MANIFEST.MF", "")
    said = installed.python(code, tmp_path)
    assert "NoClassDefFoundError: edu/stanford/nlp" in said
    assert "at edu.anu.spice.SpiceResult.main" in said


def test_its_commands_start(installed: Installed) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    for command in project.get("scripts", {}):
        program = str(installed.folder / "bin" / command)
        assert command in installed.run(program, "--help")
        assert project["version"] in installed.run(program, "--version")

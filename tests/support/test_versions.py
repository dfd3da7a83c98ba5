"""Results are of the versions that versions.yaml records, and of no others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from caption_curation.support.errors import InputError
from caption_curation.support.versions import (
    LIBRARIES,
    check_versions,
    installed_versions,
    recorded_versions,
    write_versions,
)
from tests.commands.console import fail, succeed
from tests.conftest import REPOSITORY
from tests.packaging.test_dependencies import pinned
from tests.stages.test_help import commands

HEAVY = ("torch", "transformers", "diffusers", "tokenizers")


def stages_that_check() -> dict[str, list[str]]:
    """The modules whose stages depend on versions.yaml, and the words that they are called with."""
    found = set()
    for file in [REPOSITORY / "dvc.yaml", *REPOSITORY.glob("stages/*/dvc.yaml")]:
        for stage in yaml.safe_load(file.read_text())["stages"].values():
            body = stage.get("do", stage)
            if "versions.yaml" in body["deps"]:
                found.add(body["cmd"].split()[2])
    # Instead of placeholders of the pipeline, values that the stages take.
    words = {module: [_value(word) for word in given] for module, given in commands().items()}
    return {module: words[module] for module in sorted(found)}


def _value(word: str) -> str:
    values = {"generator}": "generator", "prompt}": "concat", "prompt}.json": "concat"}
    if word.startswith("${item.generator}-"):
        return "generator-concat"
    return values.get(word.rpartition(".")[2], "1") if word.startswith("${") else word


def install(folder: Path, name: str, version: str) -> None:
    """Metadata of a package, as pip writes them; its module refuses to be used."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / f"{name}.py").write_text("raise SystemExit('a model library was imported')\n")


def run(*words: str, before: Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run Python with a folder before all others on its path."""
    path = os.pathsep.join([str(before), str(REPOSITORY / "src"), str(REPOSITORY)])
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_recorded_versions_are_those_that_requirements_pin() -> None:
    pins = {str(name): str(version) for name, version in pinned("requirements.txt").items()}
    assert recorded_versions(REPOSITORY) == {name: pins[name] for name in LIBRARIES}


def test_a_build_of_another_machine_is_the_same_version(tmp_path: Path) -> None:
    """The installed versions here, written and read again, with a suffix that one of them has."""
    install(tmp_path / "site", "torch", "2.13.0+cu999")
    code = "from caption_curation.support.versions import *; print(installed_versions()['torch'])"
    said = run("-c", code, before=tmp_path / "site", cwd=tmp_path)
    assert said.stdout == "2.13.0\n", said.stderr
    write_versions(tmp_path)
    assert recorded_versions(tmp_path) == installed_versions()
    check_versions(tmp_path)


@pytest.mark.parametrize("module", stages_that_check())
def test_a_stage_stops_before_it_imports_libraries_of_another_version(
    module: str, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    install(site, "torch", "9.9.9+cu130")
    install(site, "diffusers", "9.8.7")
    if module.startswith("stages.pretrain."):  # made once, by whoever makes the demo's models
        for name in HEAVY:
            (site / f"{name}.py").unlink(missing_ok=True)
    stopped = run("-m", module, *stages_that_check()[module], before=site, cwd=tmp_path)
    assert stopped.returncode == 1
    lines = stopped.stderr[stopped.stderr.index("error: ") :].splitlines()
    assert lines[0] == "error: versions.yaml: other versions than those of the results (2):"
    assert lines[1] == "  torch: 9.9.9 is installed, 2.13.0 is recorded"
    assert lines[2].startswith("  diffusers: 9.8.7 is installed, ")
    assert "`caption-curation versions --write`" in lines[3]
    assert len(lines) == 4
    assert list(tmp_path.iterdir()) == [site]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "versions.yaml: no such file; `caption-curation versions --write`"),
        ("torch: [", "versions.yaml: not YAML"),
        ("torch: 2.13.0\n", "versions.yaml: expected a version of each of torch, transformers"),
        ("- torch\n", "versions.yaml: expected a version of each of torch, transformers"),
    ],
)
def test_a_file_that_says_no_versions_is_refused(
    content: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "versions.yaml").write_text(content)
    with pytest.raises(InputError, match=said[:30]):
        check_versions(tmp_path)
    (tmp_path / "params.yaml").touch()
    monkeypatch.chdir(tmp_path)
    assert said in fail("versions")
    assert "torch nothing → " in succeed("versions", "--write")
    assert succeed("versions").count("installed\n") == len(LIBRARIES)


def test_the_command_records_an_upgrade_and_says_what_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "params.yaml").touch()
    monkeypatch.chdir(tmp_path)
    write_versions(tmp_path)
    before = (tmp_path / "versions.yaml").read_bytes()
    assert succeed("versions", "--write") == "versions.yaml has been up to date\n"
    assert (tmp_path / "versions.yaml").read_bytes() == before
    site = tmp_path / "site"
    install(site, "numpy", "9.9")
    (site / "numpy.py").unlink()
    command = ("-m", "caption_curation", "versions")
    told = run(*command, before=site, cwd=tmp_path)
    assert told.returncode == 1
    assert "9.9 is installed" in told.stdout
    written = run(*command, "--write", before=site, cwd=tmp_path)
    assert written.stdout.endswith(" → 9.9\n") and written.stdout.startswith("numpy 2.")
    assert run(*command, before=site, cwd=tmp_path).returncode == 0
    assert yaml.safe_load((tmp_path / "versions.yaml").read_text())["numpy"] == "9.9"

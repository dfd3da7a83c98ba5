"""The demo gives the same outputs with every Python that the package allows.

By hand (``pytest -m by_hand tests/packaging/test_other_pythons.py -s``): each Python installs all
requirements, from the network, and runs the pipeline, in ten minutes or so.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.packaging.pythons import find_python

pytestmark = pytest.mark.by_hand

REFERENCE = "3.11"
OTHERS = ("3.12", "3.13")
LOCKS = ("dvc.lock", "stages/epochs/dvc.lock")


def python(version: str) -> Path:
    """A Python of a version; skips the test where there is none."""
    program = find_python(version)
    if program is None:
        pytest.skip(f"no Python {version} on PATH or of pyenv's")
    return program


def outputs(version: str, folder: Path) -> dict[str, str]:
    """The hash of each output of the demo, made in a new clone and a new environment."""
    clone, environment = folder / "clone", folder / "environment"
    program = python(version)
    subprocess.run(["git", "clone", "--quiet", REPOSITORY, clone], check=True)
    for lock in LOCKS:
        (clone / lock).unlink()
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    variables["PATH"] = f"{environment / 'bin'}{os.pathsep}{variables['PATH']}"
    started = time.monotonic()
    subprocess.run([program, "-m", "venv", environment], check=True)
    for command in ("pip install --quiet -r requirements.txt", "dvc repro"):
        with (folder / "log").open("a") as log:
            done = subprocess.run(
                command.split(), cwd=clone, env=variables, stdout=log, stderr=log, check=False
            )
        assert done.returncode == 0, f"{command}\n{(folder / 'log').read_text()[-5000:]}"
        print(f"Python {version}: {command} ended after {time.monotonic() - started:.0f} s")
    shutil.rmtree(environment)  # gigabytes
    return {
        output["path"]: output["md5"]
        for lock in LOCKS
        for stage in yaml.safe_load((clone / lock).read_text())["stages"].values()
        for output in stage["outs"]
    }


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Those of the Python that everything else is tested with, on this machine."""
    return outputs(REFERENCE, tmp_path_factory.mktemp("reference"))


@pytest.mark.parametrize("version", OTHERS)
def test_the_demo_gives_the_same_outputs(
    version: str, reference: dict[str, str], tmp_path: Path
) -> None:
    found = outputs(version, tmp_path)
    assert found.keys() == reference.keys()
    assert {path: (md5, reference[path]) for path, md5 in found.items()} == {
        path: (md5, md5) for path, md5 in reference.items()
    }
    print(f"Python {version}: {len(found)} outputs as with {REFERENCE}")

"""What is wrong with a checkout, and the repair of what a kill leaves, in tiny DVC repositories."""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from caption_curation.doctor.locks import repair
from caption_curation.numerical_classes import class_file, write_classes
from caption_curation.support.dvc_cache import dvc_cache_folder, object_file
from caption_curation.support.errors import InputError
from caption_curation.support.unfinished import FOLDER
from tests.commands.console import console, fail, succeed
from tests.conftest import REPOSITORY

PIPELINE = {
    "stages": {
        "number": {
            "cmd": "python stage.py",
            "params": [{"number.yaml": ["number"]}],
            "outs": ["number.txt"],
        },
        "double": {
            "cmd": "python -c \"print(2 * int(open('number.txt').read()))\" > double.txt",
            "deps": ["number.txt"],
            "outs": ["double.txt"],
        },
    }
}
STAGE = """
import pathlib, time, yaml
number = yaml.safe_load(open("number.yaml"))["number"]
pathlib.Path("started").touch()
while pathlib.Path("wait").exists():
    time.sleep(0.05)
pathlib.Path("number.txt").write_text(str(number))
"""


def command(folder: Path, *words: str) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def dvc(folder: Path, *words: str) -> str:
    return command(folder, sys.executable, "-m", "dvc", *words)


@pytest.fixture(scope="module")
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose pipeline has run and is committed, in a folder of a larger repository.

    Its parameter, where a test gives one, is that folder.
    """
    whole = tmp_path_factory.mktemp("whole")
    command(whole, "git", "init", "--quiet")
    command(whole, "git", "config", "user.name", "A")
    command(whole, "git", "config", "user.email", "a@example.org")
    folder: Path = whole / getattr(request, "param", "projects/captions")
    folder.mkdir(parents=True, exist_ok=True)
    dvc(folder, "init", "--quiet", *([] if folder == whole else ["--subdir"]))
    (folder / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE))
    (folder / "number.yaml").write_text("number: 4\n")
    (folder / "params.yaml").write_text((REPOSITORY / "params.yaml").read_text())
    shutil.copytree(REPOSITORY / "profiles", folder / "profiles")
    shutil.copytree(REPOSITORY / "defaults", folder / "defaults")
    inputs = yaml.safe_load((folder / "params.yaml").read_text())["inputs"]
    for path in filter(None, inputs.values()):
        if not (folder / path).exists():
            (folder / path).mkdir(parents=True)
    (folder / "stage.py").write_text(STAGE)
    for name in ("pyproject.toml", "requirements.txt", "versions.yaml"):
        (folder / name).write_text((REPOSITORY / name).read_text())
    dvc(folder, "repro", "--quiet")
    command(folder, "git", "add", "--all", ".")
    command(folder, "git", "commit", "--quiet", "--message", "a run")
    return folder


@pytest.fixture
def project(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which is the current folder."""
    whole = Path(command(finished, "git", "rev-parse", "--show-toplevel").strip())
    command(tmp_path, "cp", "--archive", str(whole), "copy")
    folder = tmp_path / "copy" / finished.relative_to(whole)
    monkeypatch.chdir(folder)
    return folder


def states() -> dict[str, str]:
    """The state of every check, by the rest of its line."""
    lines = console("doctor").out.splitlines()
    return {line[9:]: line[:9].strip() for line in lines}


def line_of(text: str) -> str:
    (found,) = [line for line in console("doctor").out.splitlines() if text in line]
    return found


def hashes(lock: bytes) -> dict[str, str]:
    """Of every input and output; DVC may leave out a size that it need not know."""
    stages = yaml.safe_load(lock)["stages"]
    return {
        f"{name}: {kind} {entry['path']}": entry["md5"]
        for name, stage in stages.items()
        for kind in ("deps", "outs")
        for entry in stage.get(kind, [])
    }


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_sound_checkout_has_no_problem(project: Path) -> None:
    before = files(project)
    assert "problem" not in succeed("doctor")
    said = succeed("doctor", "--repair")
    assert said.startswith("repair   there is nothing to repair\n")
    assert files(project) == before


def test_the_numerical_class_is_named_and_the_same_each_time(project: Path) -> None:
    line = line_of("in numerical class")
    assert re.fullmatch(
        r"ok +models run in numerical class [0-9a-f]{12} \(native arithmetic\)", line
    )
    assert line_of("in numerical class") == line
    assert line_of("the committed locks name").endswith("no numerical class")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="portable arithmetic is that of x86-64")
def test_the_class_is_that_of_the_arithmetic_that_is_asked_for(project: Path) -> None:
    native = line_of("in numerical class").split()[-3]
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("arithmetic: native", "arithmetic: portable"))
    assert line_of("in numerical class").endswith("(portable arithmetic)")
    assert native not in line_of("in numerical class")


def commit_classes(project: Path, *classes: list[str], keep: bool = True) -> None:
    """Commit a dvc.lock that names class files, whose content the cache has if it is to."""
    outs = []
    for number, found in enumerate(classes):
        write_classes(project / f"result_{number}", found)
        file = class_file(project / f"result_{number}")
        digest = hashlib.md5(file.read_bytes()).hexdigest()
        outs.append({"path": file.name, "hash": "md5", "md5": digest, "size": file.stat().st_size})
        stored = object_file(dvc_cache_folder(project), digest)
        stored.parent.mkdir(parents=True, exist_ok=True)
        file.rename(stored if keep else project / "elsewhere")
    lock = yaml.safe_load((project / "dvc.lock").read_text())
    lock["stages"]["model"] = {"cmd": "true", "outs": outs}
    (project / "dvc.lock").write_text(yaml.safe_dump(lock))
    command(project, "git", "commit", "--quiet", "--all", "--message", "classes")


def test_committed_results_of_this_class_are_known_without_their_files(project: Path) -> None:
    own = line_of("in numerical class").split()[-3]
    commit_classes(project, [own], [], keep=False)
    assert line_of("committed results").endswith("are of this numerical class")


def test_committed_results_of_another_class_are_told(project: Path) -> None:
    own = line_of("in numerical class").split()[-3]
    commit_classes(project, [own], ["bbbb00000000"], ["bbbb00000000", "unknown"], [])
    line = line_of("committed results")
    assert line.startswith("warning  of 4 committed results")
    assert "2 of bbbb00000000; 1 of this one; 1 of no recorded class; " in line
    # What is committed counts, not what lies here after a run.
    (project / "dvc.lock").write_text(command(project, "git", "show", "HEAD~1:./dvc.lock"))
    assert line_of("committed results") == line


def test_a_class_that_is_not_in_the_cache_is_said_to_be_so(project: Path) -> None:
    commit_classes(project, ["bbbb00000000"], keep=False)
    assert "1 of one that DVC's cache does not name" in line_of("committed results")


def test_other_model_libraries_than_recorded_are_a_problem(project: Path) -> None:
    recorded = (project / "versions.yaml").read_text()
    assert line_of("the libraries that models run with").startswith("ok ")
    (project / "versions.yaml").write_text(recorded.replace('torch: "2', 'torch: "1'))
    line = line_of("stages that run a model stop: torch 2")
    assert line.startswith("problem ")
    assert "`caption-curation versions --write`" in line
    (project / "versions.yaml").unlink()
    assert line_of("versions.yaml: no such file").startswith("problem ")


def test_a_path_at_which_there_is_nothing_is_named(project: Path) -> None:
    """DVC's own words are "unexpected error" for one that is empty."""
    assert line_of("inputs are there").startswith("ok ")
    before = (project / "params.yaml").read_text()
    for path, said in (("nowhere", "generator = 'nowhere': there is no such"), ("''", "generator")):
        (project / "params.yaml").write_text(
            before.replace("generator: data/demo_models/generator", f"generator: {path}", 1)
        )
        assert line_of(f"inputs.{said}").startswith("problem ")


@pytest.mark.parametrize("finished", [".", "projects/captions"], indirect=True)
def test_what_the_kill_of_a_case_leaves_stops_dvc_until_it_is_repaired(project: Path) -> None:
    lock, rwlock = project / "dvc.lock", project / ".dvc/tmp/rwlock"
    whole = lock.read_bytes()
    cut = whole[: whole.rindex(b"path: ") + 2]
    lock.write_bytes(cut)
    rwlock.write_bytes(b"")
    ended = console("doctor")
    assert ended.status == 1
    assert "problem  dvc.lock: damaged: it is not whole; `caption-curation doctor" in ended.out
    assert "problem  .dvc/tmp/rwlock: damaged: it is empty; `caption-curation doctor" in ended.out
    with pytest.raises(AssertionError):
        dvc(project, "repro")

    said = succeed("doctor", "--repair")
    assert (
        "repair   dvc.lock: as of git's HEAD; the damaged one is .dvc/tmp/dvc.lock.damaged" in said
    )
    assert "repair   .dvc/tmp/rwlock: removed" in said
    assert lock.read_bytes() == whole
    assert (project / ".dvc/tmp/dvc.lock.damaged").read_bytes() == cut
    dvc(project, "repro")
    assert lock.read_bytes() == whole
    assert (project / "double.txt").read_text() == "8\n"


@pytest.mark.parametrize("content", [b"", b"  \n", b"schema: '2.0'\nstages:\n  number:\n    cm"])
def test_a_lock_that_git_does_not_have_is_put_aside(project: Path, content: bytes) -> None:
    """The run cache remembers the results."""
    command(project, "git", "rm", "--quiet", "--cached", "dvc.lock")
    command(project, "git", "commit", "--quiet", "--message", "without a lock")
    undisturbed = (project / "dvc.lock").read_bytes()
    (project / "dvc.lock").write_bytes(content)
    assert "dvc.lock: removed, as git has none" in succeed("doctor", "--repair")
    assert "Running stage" not in dvc(project, "repro")
    assert (project / "dvc.lock").read_bytes() == undisturbed


def test_every_place_at_which_a_lock_can_be_cut_ends_in_an_undisturbed_runs_lock(
    project: Path,
) -> None:
    """What DVC can read is left as it is: DVC runs, or finds in its cache, what the lock lacks."""
    whole = (project / "dvc.lock").read_bytes()
    readable = []
    for end in range(len(whole)):
        (project / "dvc.lock").write_bytes(whole[:end])
        if not repair(Path()):
            readable.append(end)
        assert (project / "dvc.lock").read_bytes() == (whole[:end] if end in readable else whole)
    assert 6 < len(readable) < len(whole)
    for end in readable[:: len(readable) // 6]:
        (project / "dvc.lock").write_bytes(whole[:end])
        dvc(project, "repro")
        assert hashes((project / "dvc.lock").read_bytes()) == hashes(whole)
    (project / "dvc.lock").write_bytes(
        whole[: whole.index(b"  double") if b"  double" in whole else 20]
    )
    repair(Path())
    dvc(project, "repro")
    assert yaml.safe_load((project / "dvc.lock").read_text()) == yaml.safe_load(whole)


@pytest.mark.parametrize(
    "content", [b"", b'{"write": {', b"[]", b'{"read": {"a": [{"pid": 1}]}}', b"\0\0\0"]
)
def test_an_rwlock_that_dvc_refuses_is_removed(project: Path, content: bytes) -> None:
    rwlock = project / ".dvc/tmp/rwlock"
    rwlock.write_bytes(content)
    with pytest.raises(AssertionError):
        dvc(project, "repro", "--force")
    assert "rwlock: removed" in succeed("doctor", "--repair")
    assert not rwlock.exists()
    dvc(project, "repro", "--force")


def test_conflicts_of_a_merge_are_left_to_people(project: Path) -> None:
    lock = project / "dvc.lock"
    lock.write_text("<<<<<<< HEAD\n" + lock.read_text())
    before = lock.read_bytes()
    ended = console("doctor", "--repair")
    assert ended.status == 1
    assert "a merge left its conflicts there; `git checkout --ours dvc.lock`" in ended.out
    assert lock.read_bytes() == before


def test_nothing_is_repaired_while_dvc_runs_a_stage(project: Path) -> None:
    """DVC holds no lock then, but rwlock names it; and without rwlock, its process is found."""
    (project / "wait").touch()
    running = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "--force", "number"],
        cwd=project,
        stdout=subprocess.DEVNULL,
    )
    try:
        while not (project / "started").exists():
            assert running.poll() is None
        lock = (project / "dvc.lock").read_bytes()
        (project / "dvc.lock").write_bytes(b"")
        with pytest.raises(InputError, match=rf"process .*{running.pid}.*nothing was changed"):
            repair(Path())
        rwlock = (project / ".dvc/tmp/rwlock").read_bytes()
        (project / ".dvc/tmp/rwlock").write_bytes(b"")
        assert f"process {running.pid}" in fail("doctor", "--repair")
        assert (project / "dvc.lock").read_bytes() == b""
        (project / "dvc.lock").write_bytes(lock)
        (project / ".dvc/tmp/rwlock").write_bytes(rwlock)
    finally:
        (project / "wait").unlink()
        assert running.wait() == 0


def test_the_number_of_a_dead_process_may_be_that_of_a_new_one(project: Path) -> None:
    """A kill leaves its process in rwlock; DVC removes it, unless another has its number."""
    rwlock, lock = project / ".dvc/tmp/rwlock", project / "dvc.lock"
    rwlock.write_text(json.dumps({"write": {"a": {"pid": os.getpid(), "cmd": "dvc repro"}}}))
    before = rwlock.read_bytes()
    lock.write_bytes(b"")
    assert f"process {os.getpid()}" in fail("doctor", "--repair")
    os.utime(rwlock, (1, 1))
    succeed("doctor", "--repair")
    assert lock.read_bytes() != b"" and rwlock.read_bytes() == before


def test_nothing_is_repaired_while_dvc_writes(project: Path) -> None:
    from zc.lockfile import LockFile

    (project / "dvc.lock").write_bytes(b"")
    held = LockFile(str(project / ".dvc/tmp/lock"))
    try:
        assert ".dvc/tmp/lock is locked" in fail("doctor", "--repair")
        assert (project / "dvc.lock").read_bytes() == b""
    finally:
        held.close()
    succeed("doctor", "--repair")


def test_a_real_lock_is_whole_and_its_parts_are_not() -> None:
    from caption_curation.doctor.locks import lock_fault, lock_files

    paths = lock_files(REPOSITORY)
    assert Path("dvc.lock") in paths and Path("stages/epochs/dvc.lock") in paths
    for path in paths:
        content = (REPOSITORY / path).read_bytes()
        assert lock_fault(content) is None
        assert lock_fault(content[: content.index(b"md5: ") + 3]) == "damaged: it is not whole"


def test_a_project_elsewhere_is_one_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = console("doctor")
    assert ended.status == 1
    assert ended.out == f"problem  {tmp_path} is no checkout of the project; `cd` to its folder\n"


def test_other_and_missing_packages_are_named(project: Path) -> None:
    (project / "requirements.txt").write_text(
        "# a comment\n-r others.txt\nnumpy==1.0  # old\nno-such-package==1\ndvc>=3\n-e .\n"
    )
    said = line_of("no-such-package")
    assert said.startswith("problem") and said.endswith("; pip install -r requirements.txt")
    (project / "requirements.txt").write_text("numpy==1.0\ndvc>=3\n")
    said = line_of("numpy")
    assert said.startswith("warning") and "instead of ==1.0" in said and "dvc" not in said


def test_another_python_is_a_problem(project: Path) -> None:
    text = (project / "pyproject.toml").read_text()
    line = next(line for line in text.splitlines() if line.startswith("requires-python"))
    (project / "pyproject.toml").write_text(text.replace(line, 'requires-python = "<3"'))
    assert line_of("Python 3").startswith("problem")


def test_a_clone_without_history_or_identity_is_a_problem(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = command(project, "git", "rev-parse", "--show-toplevel").strip()
    command(project, "git", "commit", "--quiet", "--allow-empty", "--message", "another")
    command(tmp_path, "git", "clone", "--quiet", "--depth", "1", f"file://{whole}", "shallow")
    monkeypatch.chdir(tmp_path / "shallow" / project.relative_to(whole))
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(variable, os.devnull)
    for variable in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(variable, raising=False)
    assert line_of("shallow clone").endswith("`git fetch --unshallow`")
    assert "`git config --global user.email …`" in line_of("who you are (user.name and user.email)")
    command(Path(), "git", "fetch", "--quiet", "--unshallow")
    assert not any("shallow clone" in line for line in states())


def test_a_repository_without_git_or_commits_is_a_problem(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "bare"
    command(tmp_path, "cp", "--archive", str(project), str(bare))
    command(bare, "rm", "-rf", ".git")
    monkeypatch.chdir(bare)
    assert line_of("is in no git repository").startswith("problem")
    command(bare, "git", "init", "--quiet")
    assert line_of("git has no commit yet").startswith("problem")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert line_of("git is not installed").startswith("problem")


def test_a_configuration_that_dvc_cannot_read_is_a_problem(project: Path) -> None:
    (project / ".dvc/config").write_text("[core\n")
    assert line_of("not in a DVC repository").startswith("problem")


def test_what_a_killed_stage_saved_long_ago_is_named(project: Path) -> None:
    killed = dvc_cache_folder() / FOLDER / "train_captioner-2-5e8f"
    killed.mkdir(parents=True)
    with (killed / "step-00000500.safetensors").open("wb") as checkpoint:
        checkpoint.truncate(200_000_000)
    text = "stages were killed more than"
    assert text not in succeed("doctor")
    days = 8 * 24 * 60 * 60
    os.utime(killed, (time.time() - days, time.time() - days))
    line = line_of(text)
    assert line.startswith("warning  1 stages") and "0.2 GB" in line
    assert "`caption-curation images gc` removes it" in line

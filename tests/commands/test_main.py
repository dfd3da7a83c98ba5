"""The command line as a whole: help, completion, the version, and how commands end."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.commands.console import console, fail, succeed
from tests.conftest import REPOSITORY

COMMANDS = [
    ["adopt"],
    ["annotate"],
    ["caption"],
    ["caption-lengths"],
    ["check-downloads"],
    ["compare"],
    ["curate"],
    ["doctor"],
    ["experiments"],
    ["export"],
    ["export-model"],
    ["generators"],
    ["human-study", "analyse"],
    ["human-study", "build"],
    ["human-study", "import"],
    ["images", "gc"],
    ["images", "size"],
    ["images", "verify"],
    ["label-studio", "export"],
    ["label-studio", "import"],
    ["metrics"],
    ["plan"],
    ["review"],
    ["show", "edits"],
    ["show", "hardest"],
    ["show", "removed"],
    ["study"],
    ["versions"],
]
GROUPS = [["human-study"], ["images"], ["label-studio"], ["show"]]
HEAVY = {"torch", "transformers", "matplotlib", "scipy", "dvc", "numpy", "PIL"}


def python(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *words],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "src")} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def completed(*words: str) -> list[str]:
    """What bash would offer after some words, the last of which is being typed."""
    shell = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    program = ["-m", "caption_curation"]
    return python(*program, _CAPTION_CURATION_COMPLETE="complete_bash", **shell).stdout.split()


def test_help_lists_all_commands_in_panels() -> None:
    shown = succeed("--help")
    for words in [*COMMANDS, *GROUPS]:
        assert f"│ {words[0]} " in shown
    for panel in ("Experiments", "Data, images and scores", "Human study", "This checkout"):
        assert f"─ {panel} ─" in shown


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_says_what_it_does_with_an_example(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = succeed(*words, "--help")
    usage, what = [line.strip() for line in shown.splitlines() if line.strip()][:2]
    assert usage.startswith(f"Usage: caption-curation {' '.join(words)}")
    assert what.endswith(".") and what.count(". ") == 0
    assert f"Example: caption-curation {' '.join(words)}" in shown
    assert succeed(*words, "-h") == shown


def test_the_list_of_commands_is_complete() -> None:
    offered = completed("caption-curation", "")
    assert sorted(offered) == sorted({words[0] for words in COMMANDS})
    for group in GROUPS:
        words = [group[0], *completed("caption-curation", *group, "")]
        assert [[group[0], name] for name in sorted(words[1:])] == [
            command for command in COMMANDS if command[0] == group[0]
        ]


def test_options_are_completed() -> None:
    assert completed("caption-curation", "plan", "--im") == ["--images-per-second"]


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["plan", "--help"]], ids=" ".join)
def test_help_imports_none_of_the_large_libraries(words: list[str]) -> None:
    script = (
        "import sys; from caption_curation.commands.main import run; "
        f"status = run({words}); print(*sys.modules); sys.exit(status)"
    )
    done = python("-c", script)
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "typer" in loaded
    assert not loaded & HEAVY


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert succeed("--version") == f"caption-curation {project['version']}\n"
    assert project["scripts"] == {"caption-curation": "caption_curation.commands.main:main"}


def test_the_package_runs_as_a_module() -> None:
    done = python("-m", "caption_curation", "compare", "--no-such-option")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: No such option: --no-such-option")


@pytest.mark.parametrize("words", [[], *GROUPS])
def test_without_a_command_help_is_shown(words: list[str]) -> None:
    ended = console(*words)
    assert ended.status == 2
    assert "Usage: caption-curation" in ended.out + ended.err
    assert "error" not in ended.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["bogus"], "No such command 'bogus'"),
        (["study"], "Missing argument 'FILE...'"),
        (["study", "x.yaml", "--jobs", "0"], "'--jobs'"),
        (["plan", "--measure", "many"], "'--measure'"),
        (["plan", "--measure", "0"], "'--measure'"),
        (["compare", "--out"], "Option '--out' requires an argument"),
        (["compare", "one", "two"], "unexpected extra argument"),
        (["annotate"], "Missing option '--set'"),
        (["annotate", "--set", "one"], "'--set'"),
        (["images", "verify", "3"], "unexpected extra argument"),
        (["metrics", "c.txt", "r.txt", "--spice", "maybe"], "'--spice'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_line_is_one_line_and_status_2(words: list[str], said: str) -> None:
    message = fail(*words, status=2)
    assert said in message
    assert len(message.splitlines()) == 1
    assert "--help says what is allowed" in message


@pytest.mark.parametrize(
    "words", [["plan"], ["compare"], ["study", "x.yaml"], ["experiments"], ["check-downloads"]]
)
def test_elsewhere_a_command_says_where_to_go(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert fail(*words) == f"{tmp_path} has no params.yaml: `cd` to the project's folder\n"


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "losses.json").write_text(
        '[{"image_id": 1, "loss": 1}, {"image_id": 2, "loss": 2}]'
    )
    build = ["human-study", "build", "--losses", tmp_path / "losses.json", "--sets", "1"]
    message = fail(*build, "--images-per-group", "1", "--out", tmp_path / "file" / "study")
    assert message == f"{tmp_path / 'file' / 'study'}: Not a directory\n"


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["--experiments", "a", "b", "--out", "o"], ["a", "b"]),
        (["--experiments", "a", "--out", "o", "--experiments", "b"], ["a", "b"]),
        (["--out", "o", "--experiments=a"], ["a"]),
    ],
)
def test_names_may_follow_one_option(given: list[str], read: list[str]) -> None:
    """They are told to be unknown, in their order."""
    pytest.importorskip("dvc")
    message = fail("compare", *given)
    assert f"--experiments: unknown: {', '.join(read)};" in message

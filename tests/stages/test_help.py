"""Every stage says what it does when it is asked, and refuses what it does not take."""

import contextlib
import io
import runpy
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from caption_curation.support.launcher import LAUNCHER
from tests.conftest import REPOSITORY

MODULES = sorted(
    ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
    for path in (REPOSITORY / "stages").rglob("*.py")
    if path.name != "__init__.py"
)


def commands() -> dict[str, list[str]]:
    """The words after the module, of every stage of every pipeline, without placeholders."""
    found: dict[str, list[str]] = {}
    for file in [REPOSITORY / "dvc.yaml", *REPOSITORY.glob("stages/*/dvc.yaml")]:
        for stage in yaml.safe_load(file.read_text())["stages"].values():
            words = stage.get("do", stage)["cmd"].split()
            found.setdefault(words[2], words[3:])
    return found


@dataclass(frozen=True)
class Ended:
    status: object
    out: str
    err: str


Start = Callable[..., Ended]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Runs a module as ``python -m`` does, in an empty folder, with a launcher that is nowhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(LAUNCHER, "no-such-launcher")

    def run(module: str, *words: str) -> Ended:
        monkeypatch.setattr(sys, "argv", [module, *words])
        monkeypatch.delitem(sys.modules, module, raising=False)
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        assert not list(tmp_path.iterdir())
        return Ended(ended.value.code, out.getvalue(), err.getvalue())

    return run


def test_every_stage_of_the_pipelines_is_a_module_and_the_reverse() -> None:
    assert sorted(commands()) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_help_says_what_a_stage_does_and_runs_nothing(module: str, start: Start) -> None:
    for option in ("--help", "-h"):
        ended = start(module, option)
        assert ended.status == 0
        usage, what, *rest = ended.out.split("\n\n")
        assert usage.startswith(f"usage: python -m {module}")
        assert usage.count(" ") == 3 + len(commands()[module])
        assert what.endswith(".")
        declared = "\n\n".join(rest)
        assert "dvc repro " in declared
        # The model card's outputs are part of the repository.
        assert ("  writes  " in declared) == (module != "stages.pretrain.model_card")
        assert not any(len(line) > 100 for line in ended.out.splitlines())
        assert "``" not in ended.out and "Raises:" not in ended.out


@pytest.mark.parametrize("module", MODULES)
def test_missing_and_surplus_arguments_are_one_line(module: str, start: Start) -> None:
    count = len(commands()[module])
    for words in (["0"] * (count + 1), *([[]] if count else [])):
        ended = start(module, *words)
        assert (ended.status, ended.out) == (2, "")
        assert len(ended.err.splitlines()) == 1
        assert ended.err.startswith("error: ")
        assert f"usage: python -m {module}" in ended.err


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (("curate", "-1"), "epoch = -1: a whole number from 0 on is needed"),
        (("curate", "x"), "epoch = x: a whole number from 0 on is needed"),
        (("curate", "1.0"), "epoch = 1.0: a whole number"),
        (("train_captioner", "0"), "epoch = 0: a whole number from 1 on is needed"),
        (("caption", "dev", "1"), "split = dev: allowed: validation or test"),
        (("caption", "test", ""), "epoch = : a whole number"),
        (("corpus", "images"), "section = images: allowed: data or generator_data"),
        (("sbert_captions", "test"), "split = test: allowed: train or val"),
        (("round_trip.images", "generator", "double"), "prompt = double: allowed: single, "),
        (
            ("round_trip.captions", "generator/../x"),
            "variant = generator/../x: needed is GENERATOR-PROMPT or real",
        ),
    ],
)
def test_a_wrong_argument_is_told_with_what_is_allowed(
    words: tuple[str, ...],
    allowed: str,
    start: Start,
) -> None:
    ended = start(f"stages.{words[0]}", *words[1:])
    assert (ended.status, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1
    assert allowed in ended.err

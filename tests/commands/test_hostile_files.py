"""Whatever a user's file holds, a command ends with a message about it, never with a traceback."""

import copy
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caption_curation.metrics.spice.files import VARIABLE
from tests.commands.console import Ended, console
from tests.commands.hostile import COMMANDS, Command, prepare, write
from tests.conftest import REPOSITORY

FILES = [(name, file) for name, command in COMMANDS.items() for file in command.files]
WITH_ROWS = [(name, file) for name, command in COMMANDS.items() for file in command.rows]

# Whole files; each is wrong in every place where JSON is read, and as JSON Lines.
FAULTY_FILES = {
    "null": b"null",
    "number": b"17",
    "long number": b"1" * 5000,
    "text": b'"text"',
    "cut off": b'{"images": [{"image_id": 1, "capt',
    "no JSON": b"image_id,caption\n1,a dog\n",
    "nested": b"[" * 100_000 + b"]" * 100_000,
    "a key twice": b'{"images": [], "images": [], "annotations": []}',
    "UTF-16": '[{"image_id": 1}]'.encode("utf-16"),
    "Latin 1": '{"images": ["Zürich"]}'.encode("latin-1"),
    "binary": bytes(range(256)),
    "a zero": b"\0",
}
DEEP: Any = []
for _ in range(400):
    DEEP = [DEEP]
# In place of any value; Python writes them all as JSON.
VALUES = [
    *(None, True, -1, 0.5, float("nan"), float("inf"), int("7" * 4000)),
    *("", " ", "\ud800", "\x1b[2J\x9b31m", "x" * 5000, "../../etc/passwd", "a\0b", "\u200b"),
    *([], {}, [None], [[]], {"id": None}, DEEP),
]


@pytest.fixture(autouse=True)
def no_spice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "no spice"))


def refused(command: Command, folder: Path) -> str:
    ended = command.run(folder)
    assert ended.status == command.refused, ended
    return complaint(ended)


def complaint(ended: Ended) -> str:
    assert ended.err.startswith("error: ")
    assert ended.err.replace("\n", "").isprintable()
    assert "Traceback" not in ended.err
    return ended.err


@pytest.mark.parametrize("name", COMMANDS)
def test_the_good_files_are_good(name: str, tmp_path: Path) -> None:
    command = COMMANDS[name]
    prepare(command, tmp_path)
    for file, content in command.files.items():
        if not file.endswith(".jsonl"):
            write(tmp_path, file, b"\xef\xbb\xbf" + json.dumps(content).encode())
    if name == "metrics":
        assert "--spice on: " in refused(command, tmp_path)
    else:
        ended = command.run(tmp_path)
        assert ended.status == 0, ended.err


@pytest.mark.parametrize(("name", "file"), FILES)
def test_files_that_are_something_else(name: str, file: str, tmp_path: Path) -> None:
    command = COMMANDS[name]
    prepare(command, tmp_path)
    for kind, content in FAULTY_FILES.items():
        write(tmp_path, file, content)
        assert file in refused(command, tmp_path), kind
    (tmp_path / file).unlink()
    assert file.partition("/")[0] in refused(command, tmp_path)
    (tmp_path / file).mkdir()
    assert file in refused(command, tmp_path)
    if not file.endswith(".jsonl"):  # no line at all is no fault in itself
        (tmp_path / file).rmdir()
        write(tmp_path, file, b"")
        assert file in refused(command, tmp_path)


@pytest.mark.parametrize(("name", "file"), WITH_ROWS)
def test_every_faulty_row_is_told(name: str, file: str, tmp_path: Path) -> None:
    command = COMMANDS[name]
    prepare(command, tmp_path)
    good = rows_of(command.files[file], command.rows[file])
    faulty = ["null", "7", "{}", "[[]]", '"text"', '{"image_id": 1, "image_id": 1}', "1" * 4000]
    rows = [json.dumps(row) for row in good] + faulty
    if file.endswith(".jsonl"):
        write(tmp_path, file, "\n".join(rows).encode())
        first, row = len(good) + 1, "line {}"
    else:
        outside = command.files[file]
        text = f"[{','.join(rows)}]"
        for key in reversed(command.rows[file]):
            others = json.dumps({name: outside[name] for name in outside if name != key})
            text = others[:-1] + f', "{key}": {text}}}'
        write(tmp_path, file, text.encode())
        first = len(good)
        row = {"export.json": "task {}:"}.get(file, "entry {}:")
        if command.rows[file]:
            row = f"{command.rows[file][0]}[{{}}]"
        if file == "export.json":
            first += 1
    message = refused(command, tmp_path)
    for number in range(first, first + len(faulty)):
        assert row.format(number) in message, message


def rows_of(content: Any, keys: tuple[str, ...]) -> list[Any]:
    for key in keys:
        content = content[key]
    rows: list[Any] = content
    return rows


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of keys to every value inside of a value."""
    inside = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in inside:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


@pytest.mark.parametrize(("name", "file"), FILES)
def test_any_value_in_any_place(name: str, file: str, tmp_path: Path) -> None:
    """A value that a command can do with is fine; all others end in a message."""
    chance = random.Random(f"{name} {file}")
    command = COMMANDS[name]
    good = tmp_path / "good"
    good.mkdir()
    prepare(command, good)
    all_places = list(places(command.files[file]))
    for number, value in enumerate(VALUES * 2):
        *path, last = chance.choice(all_places)
        content = copy.deepcopy(command.files[file])
        rows_of(content, tuple(path))[last] = value
        folder = tmp_path / str(number)
        shutil.copytree(good, folder)
        write(folder, file, content)
        ended = command.run(folder)
        if ended.status:
            assert ended.status == command.refused
            complaint(ended)
        shutil.rmtree(folder)


@pytest.mark.parametrize("file", ["manifest.json", "sets/set_1/page.json"])
def test_a_study_that_is_something_else(file: str, tmp_path: Path) -> None:
    """What is analysed is a study of ours, but people may have copied and edited it."""
    command = COMMANDS["build"]
    prepare(command, tmp_path)
    assert command.run(tmp_path).status == 0
    good = json.loads((tmp_path / "study" / file).read_text())
    words = ("--study", tmp_path / "study", "--out", tmp_path / "report")
    rows = [*good["images"], None, 7, {}, good["images"][0] | {"image_id": "\x1b[2J", "set": 1.5}]
    for content in [*FAULTY_FILES.values(), b"", good | {"images": rows}]:
        write(tmp_path / "study", file, content)
        ended = console("human-study", "analyse", *words)
        assert ended.status == 1
        assert file in complaint(ended)
    for number in range(len(good["images"]), len(rows)):
        if number < len(rows) - 1 or "set" in good["images"][0]:
            assert f"images[{number}]" in ended.err


def test_a_stage_as_dvc_runs_it(tmp_path: Path) -> None:
    """Names that no file system has, nesting, and what would clear the terminal."""
    command = COMMANDS["corpus"]
    prepare(command, tmp_path)
    assert command.run(tmp_path).status == 0  # writes the profile
    (tmp_path / "images/loop.jpg").symlink_to("loop.jpg")
    images = command.files["dataset.json"]["images"]
    changes = [
        {"filename": "x" * 300 + ".jpg"},
        {"filename": "loop.jpg"},
        {"filename": "\ud800.jpg"},
        {"cocoid": "\x1b[2J\x1b[31mX", "split": "nope"},
        {"cocoid": None, "imgid": None, "filename": None, "sentences": [{"raw": "..."}]},
    ]
    write(tmp_path, "dataset.json", {"images": images + [images[0] | one for one in changes]})
    done = subprocess.run(
        [sys.executable, "-m", "stages.corpus", "data"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    message = complaint(Ended(done.returncode, done.stdout, done.stderr))
    for fault in (
        "images[4], id 10: file",
        'images[5], id 10: file "loop.jpg": Too many levels of symbolic links',
        "images[6], id 10: filename must hold whole characters",
        "images[7], id \\x1b[2J\\x1b[31mX: split must be",
        "images[8]: neither 'cocoid' nor 'imgid'",
        "images[8]: filename must be a string, not null",
        "images[8]: no caption, or only ones without a word",
    ):
        assert fault in message, message

"""``caption-curation curate`` on files of all kinds: what it writes, and what it refuses."""

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from datasets import load_dataset
from PIL import Image

from tests.commands.console import fail, succeed
from tests.conftest import REPOSITORY

ROWS = [
    {"image_id": 7, "caption": "a dog, brown", "file_name": "a/7.jpg", "nll": 3.0, "who": "Zoë"},
    {"image_id": 7, "caption": 'a "good" dog', "file_name": "a/7.jpg", "nll": 1.0, "who": None},
    {"image_id": 8, "caption": "a cat", "file_name": "b/8.jpg", "nll": 2.0, "who": "x"},
    {"image_id": 8, "caption": "a cat", "file_name": "b/8.jpg", "nll": 9.0, "who": "=1+1"},
    {"image_id": 9, "caption": "=ship", "file_name": "9.jpg", "nll": 0.5, "who": "y"},
]
ENDINGS = ["jsonl", "csv", "parquet"]
REMOVE = ("--method", "remove", "--rule", "top_fraction", "--ratio", "0.4")
CAPTION = ("--method", "replace_caption", "--rule", "top_fraction", "--ratio", "0.4")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, rows: list[dict[str, Any]]) -> None:
    """A file by its ending, written without any of our code."""
    match name.rpartition(".")[2]:
        case "jsonl":
            Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        case "csv":
            with Path(name).open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, rows[0])
                writer.writeheader()
                writer.writerows(rows)
        case _:
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), name)


def read(name: str) -> list[dict[str, Any]]:
    """The rows of a file, read without any of our code; empty cells are None."""
    match name.rpartition(".")[2]:
        case "jsonl":
            return [json.loads(line) for line in Path(name).read_text().splitlines()]
        case "csv":
            with Path(name).open(newline="", encoding="utf-8") as file:
                return [
                    {key: cell or None for key, cell in row.items()} for row in csv.DictReader(file)
                ]
        case _:
            rows: list[dict[str, Any]] = pyarrow.parquet.read_table(name).to_pylist()
            return rows


def without(rows: list[dict[str, Any]], *columns: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key not in columns} for row in rows]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("other", ENDINGS)
def test_one_file_of_losses_and_one_command(ending: str, other: str) -> None:
    write(f"losses.{ending}", ROWS)
    said = succeed(
        *("curate", "--losses", f"losses.{ending}", "--column", "loss=nll", *REMOVE),
        *("--out", "edits.jsonl", "--apply", f"kept.{other}"),
    )
    assert said.splitlines() == [
        "2 of 5 samples chosen: 2 removed",
        "edits.jsonl: 2 edits",
        f"kept.{other}: 3 samples",
    ]
    assert [(edit["sample_id"], edit["evidence"]) for edit in read("edits.jsonl")] == [
        ("8#1", {"score": 9.0}),
        ("7#0", {"score": 3.0}),
    ]
    kept = read(f"kept.{other}")
    assert [row["sample_id"] for row in kept] == ["7#1", "8#0", "9#0"]
    of_text = "csv" in (ending, other)
    expected = without([ROWS[1], ROWS[2], ROWS[4]], "nll")
    if of_text:
        expected = [row | {"image_id": str(row["image_id"])} for row in expected]
        if other != "csv":  # an empty cell is a text
            expected[0]["who"] = ""
    assert without(kept, "sample_id") == expected


@pytest.mark.parametrize("ending", ENDINGS)
def test_samples_and_losses_are_matched_by_id_or_by_image_and_caption(ending: str) -> None:
    write("samples.jsonl", without(ROWS, "nll"))
    losses = [{key: row[key] for key in ("caption", "nll", "image_id")} for row in ROWS]
    write(f"pairs.{ending}", losses)
    named = ["7#0", "7#1", "8#0", "8#1", "9#0"]
    by_id = [{"sample_id": n, "nll": row["nll"]} for n, row in zip(named, ROWS, strict=True)]
    write(f"ids.{ending}", by_id[::-1])
    outs = []
    for file in (f"pairs.{ending}", f"ids.{ending}"):
        words = ("--samples", "samples.jsonl", "--losses", file, "--column", "loss=nll")
        succeed("curate", *words, *CAPTION, "--out", "edits.jsonl", "--apply", "after.jsonl")
        outs.append((Path("edits.jsonl").read_bytes(), Path("after.jsonl").read_bytes()))
    assert outs[0] == outs[1]
    after = read("after.jsonl")
    assert len(after) == 5
    assert after[0]["caption"] == 'a "good" dog'
    assert [edit["action"] for edit in read("edits.jsonl")] == ["keep", "replace_caption"]


def test_images_are_asked_for_drawn_and_not_shown_twice() -> None:
    write("samples.csv", ROWS)
    image = ("--method", "replace_image", "--rule", "top_fraction", "--ratio", "0.4")
    words = ["--samples", "samples.csv", "--losses", "samples.csv", "--column", "loss=nll", *image]
    words += ["--styler", "photograph"]
    said = succeed("curate", *words, "--out", "edits.csv")
    assert "2 of them stay as they are until their images are drawn" in said
    wanted = read("edits.csv")
    assert [(row["sample_id"], row["accepted"], row["prompt"]) for row in wanted] == [
        ("8#1", "no", "a cat. a cat photograph"),
        ("7#0", "no", 'a dog, brown. a "good" dog photograph'),
    ]
    Path("drawn").mkdir()
    for name in ("8#1.png", "7#1.jpg", "notes.txt"):
        (Path("drawn") / name).write_bytes(b"an image")
    succeed(
        *("curate", *words, "--drawn", "drawn"),
        *("--out", "edits-1.jsonl", "--apply", "after.jsonl"),
    )
    assert [edit["accepted"] for edit in read("edits-1.jsonl")] == [True, False]
    assert [row["file_name"] for row in read("after.jsonl")] == [
        *("a/7.jpg", "a/7.jpg", "b/8.jpg", "drawn/8#1.png", "9.jpg")
    ]
    # The next round: its images are numbered on, and those of this one do not count.
    write(
        "losses.csv", [{"sample_id": row["sample_id"], "nll": 1.0} for row in read("after.jsonl")]
    )
    words[3] = "losses.csv"
    words += ["--score", "random", "--seed", "4", "--edits", "edits-1.jsonl"]
    succeed("curate", *words, "--out", "edits-2.jsonl")
    second = read("edits-2.jsonl")
    assert {edit["epoch"] for edit in second} == {2}
    by_image = {edit["sample_id"][0]: edit["after"].get("replicate") for edit in second}
    assert by_image.items() <= {"7": 1, "8": 1, "9": 0}.items()
    chosen = second[0]["sample_id"]
    write("again.jsonl", [{"sample_id": chosen, "file_name": "drawn/8#1.png"}])
    message = fail("curate", *words, "--drawn", "again.jsonl", "--out", "edits-2.jsonl")
    assert f"drawn/8#1.png (sample {chosen}) is shown since an earlier round" in message


def test_removed_samples_need_no_loss_and_are_not_removed_again() -> None:
    write("losses.csv", ROWS)
    write("samples.csv", without(ROWS, "nll"))
    first = ("--samples", "samples.csv", "--losses", "losses.csv", "--column", "loss=nll", *REMOVE)
    succeed("curate", *first, "--out", "edits-1.jsonl", "--apply", "after.csv")
    later = [{"sample_id": row["sample_id"], "loss": 1} for row in read("after.csv")]
    write("later.csv", later[::-1])
    second = ("--samples", "samples.csv", "--losses", "later.csv", "--edits", "edits-1.jsonl")
    said = succeed("curate", *second, *REMOVE, "--out", "edits-2.jsonl", "--apply", "after.csv")
    assert "1 of 3 samples chosen" in said
    assert [row["sample_id"] for row in read("after.csv")] == ["8#0", "9#0"]
    message = fail(
        *("curate", *second[:4], "--edits", "edits-2.jsonl", "--edits", "edits-1.jsonl", *REMOVE),
        *("--out", "edits-3.jsonl"),
    )
    assert "edits-1.jsonl: faults" in message and "it is of epoch 1, but comes after" in message


def test_a_spreadsheet_does_not_compute() -> None:
    write("losses.jsonl", [row | {"loss": 1.0} for row in ROWS])
    words = ("--losses", "losses.jsonl", *CAPTION[:-1], "1.0")
    succeed("curate", *words, "--out", "edits.csv", "--apply", "data.csv")
    assert {row["caption"] for row in read("edits.csv")} >= {"'=ship"}
    assert read("data.csv")[-1]["caption"] == "=ship", "data are what they were"


def test_every_fault_of_both_files_is_told_and_nothing_is_written() -> None:
    write(
        "samples.jsonl",
        [
            {"sample_id": "a", "image_id": "i", "caption": "a dog"},
            {"sample_id": "a", "image_id": "i", "caption": "a dog"},
            {"sample_id": "b", "image_id": 1.5, "caption": 3},
            {"image_id": "j", "caption": "..."},
        ],
    )
    Path("losses.csv").write_text("sample_id,loss\na,one\nb,nan\nc,3,4\n,5\n")
    words = ("--samples", "samples.jsonl", "--losses", "losses.csv", "--out", "edits.jsonl")
    message = fail("curate", *words, *CAPTION, "--apply", "after.csv")
    for fault in (
        "samples.jsonl: faults (4)",
        'line 2: sample "a" is there already, in row 1',
        "line 3: image_id must be an integer or a string, not 1.5",
        "line 3: caption must be a string, not 3",
        "line 4: sample_id is missing",
        "losses.csv: faults (4)",
        "line 4: 3 cells, but 2 columns",
        'line 2: loss must be a finite number, not "one"',
        "line 3: loss must be a finite number, not NaN",
        'line 5: sample_id must be an integer or a string, not ""',
    ):
        assert fault in message, message
    assert not Path("edits.jsonl").exists() and not Path("after.csv").exists()


def test_losses_that_belong_to_other_samples() -> None:
    write("samples.jsonl", without(ROWS, "nll"))
    rows = [{"sample_id": name, "loss": 1.0} for name in ("7#0", "8#0", "7#0", "8#7")]
    write("losses.parquet", rows)
    words = ("--samples", "samples.jsonl", "--losses", "losses.parquet", "--out", "edits.jsonl")
    message = fail("curate", *words, *REMOVE)
    for fault in (
        'row 3: row 1 has a loss of "7#0" already',
        'row 4: there is no sample "8#7"',
        *(f'no loss of sample "{name}"' for name in ("7#1", "8#1", "9#0")),
    ):
        assert fault in message, message
    pairs = [{"image_id": 8, "caption": "a cat", "loss": 1.0}] * 3
    write("losses.jsonl", pairs)
    message = fail("curate", *words[:3], "losses.jsonl", *words[4:], *REMOVE)
    assert 'line 3: there is no sample of image "8" with caption "a cat" (number 3 of them)' in (
        message
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--column", "loss=perplexity"), 'no column "perplexity" (loss); there are'),
        (("--column", "colour=nll"), "--column colour=nll: write ROLE=NAME"),
        (("--column", "loss=nll", "--column", "loss=who"), "loss is nll already"),
        ((), "no column score or loss; name that of the losses with --column loss=NAME"),
        (("--column", "loss=who"), "line 1: who must be a finite number"),
        (("--column", "loss=nll", "--std", "2"), "std = 2.0: nothing reads it here"),
        (("--column", "loss=nll", "--apply", "out.xlsx"), "the name must end in .jsonl, .csv"),
        (("--column", "loss=nll", "--apply", "losses.jsonl"), "it is read"),
        (("--column", "loss=nll", "--apply", "folder.csv"), "folder.csv: a folder, not a file"),
        (("--column", "loss=nll", "--edits", "losses.jsonl"), "--edits needs --samples"),
        (("--prompt-mode", "sbert"), "allowed are concat, single, others"),
        (("--column", "loss=nll", "--drawn", "nowhere"), "nowhere: the name must end in"),
        (("--column", "loss=nll", "--drawn", "drawn.csv"), "drawn.csv: no such file"),
    ],
)
def test_what_is_not_allowed_is_said(words: tuple[str, ...], said: str) -> None:
    write("losses.jsonl", ROWS)
    Path("folder.csv").mkdir()
    message = fail("curate", "--losses", "losses.jsonl", *REMOVE, "--out", "edits.jsonl", *words)
    assert said in message
    assert not Path("edits.jsonl").exists()


def test_what_a_method_needs_is_said() -> None:
    write("losses.csv", [{"sample_id": "a", "loss": 1.0}, {"sample_id": "b", "loss": 2.0}])
    succeed("curate", "--losses", "losses.csv", *REMOVE[:-1], "0.5", "--out", "edits.jsonl")
    message = fail("curate", "--losses", "losses.csv", *CAPTION, "--out", "edits.jsonl")
    assert "needs to know which samples share an image" in message
    assert "needs captions: --column caption=NAME" in message
    write("losses.csv", [{"loss": 1.0}])
    message = fail("curate", "--losses", "losses.csv", *REMOVE, "--out", "edits.jsonl")
    assert "no column that names the samples" in message
    write("samples.csv", [{"sample_id": "a", "caption": "x", "file_name": "../a.jpg"}])
    write("drawn.csv", [{"sample_id": n, "file_name": f} for n, f in (("a", "../x"), ("b", "y"))])
    words = ("--samples", "samples.csv", "--losses", "losses.csv", "--drawn", "drawn.csv")
    write("losses.csv", [{"sample_id": "a", "loss": 1.0}])
    message = fail("curate", *words, *REMOVE, "--out", "edits.jsonl")
    assert "line 2: file '../x' must be a path inside the image folder" in message
    assert 'line 3: there is no sample "b"' in message


def test_neither_dvc_nor_a_model_library_nor_pyarrow_is_imported(folder: Path) -> None:
    write("losses.jsonl", [row | {"loss": row["nll"]} for row in ROWS])
    words = ["curate", "--losses", "losses.jsonl", "--method", "replace_image"]
    words += ["--rule", "top_fraction", "--ratio", "0.4", "--out", "e.jsonl", "--apply", "a.csv"]
    script = (
        "import sys; from caption_curation.commands.main import run; "
        f"status = run({words}); print(*sys.modules); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "numpy" in loaded
    assert not loaded & {"dvc", "torch", "transformers", "diffusers", "pyarrow", "datasets"}


def test_without_pyarrow_parquet_is_refused_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    write("losses.parquet", ROWS)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    message = fail("curate", "--losses", "losses.parquet", *REMOVE, "--out", "edits.jsonl")
    assert "pip install -r requirements-data.txt" in message


def test_the_page_on_losses_of_your_own() -> None:
    """Its files, its commands and what they print, to the word."""
    page = (REPOSITORY / "docs/how-to/curate-your-losses.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    files = re.findall(r"^`(losses.*\.csv)`:$", page, re.MULTILINE)
    texts = [block for language, block in blocks if language == "text"]
    commands = [block for language, block in blocks if language == "bash"]
    first, said, exported, second, said_next = texts
    assert files == ["losses.csv", "losses-2.csv"]
    for name, content in zip(files, (first, second), strict=True):
        Path(name).write_text(content)
    Path("photographs").mkdir()
    for name in {line.split(",")[1] for line in first.splitlines()[1:]}:
        Image.new("RGB", (9, 7)).save(Path("photographs") / name)
    for command, printed in zip(commands, (said, exported, said_next), strict=True):
        program, *words = shlex.split(command)
        assert program == "caption-curation"
        assert succeed(*words) == printed
    read_back = load_dataset("imagefolder", data_dir="curated", split="train", cache_dir="cache")
    assert read_back["caption"] == [row["caption"] for row in read("curated.csv")]
    after = read("curated-2.csv")
    assert [row["sample_id"] for row in after] == ["1#0", "2#0"]
    assert list(after[0]) == ["sample_id", "image_id", "file_name", "caption"], "no old losses"

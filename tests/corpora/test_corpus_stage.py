"""The stages as DVC runs them: what they write, and what they leave when they fail."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from caption_curation.samples import read_images, read_json_lines
from tests.conftest import REPOSITORY, set_inputs


def workspace(root: Path, **sections: dict[str, Any]) -> Path:
    """A folder with params.yaml, and the demo's profile with some sections replaced."""
    root.mkdir(parents=True)
    shutil.copy(REPOSITORY / "params.yaml", root)
    (root / "profiles").mkdir()
    experiment = yaml.safe_load((REPOSITORY / "params.yaml").read_text()) | {"profile": "demo"}
    (root / "params.yaml").write_text(yaml.safe_dump(experiment))
    profile = yaml.safe_load((REPOSITORY / "profiles/demo.yaml").read_text()) | sections
    (root / "profiles/demo.yaml").write_text(yaml.safe_dump(profile))
    return root


def demo(**changes: Any) -> dict[str, Any]:
    return {
        "source": "demo_world",
        "seed": 1,
        "image_size": 32,
        "images": {"train": 30, "val": 5, "test": 5},
        "noise": {"wrong_caption": 0.1, "mismatched_image": 0.1, "long_caption": 0.1},
        "train_fraction": 1.0,
        "on_leak": "warn",
    } | changes


def for_generator(section: dict[str, Any]) -> dict[str, Any]:
    """The section without what only the captioner's corpus has."""
    return {
        key: value for key, value in section.items() if key not in ("train_fraction", "on_leak")
    }


def run_stage(root: Path, section: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stages.corpus", section],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )


def build(root: Path, section: str) -> str:
    finished = run_stage(root, section)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def assert_lists_its_images(root: Path, corpus: str, splits: list[str]) -> None:
    """Every list names the split's images in order, with the digests of their bytes."""
    folder = root / "data" / corpus
    for split in splits:
        images = read_images(folder / f"{split}.jsonl")
        files = [f"data/{corpus}/images/{image.file_name}" for image in images]
        assert read_json_lines(folder / f"{split}_images.jsonl") == [
            {"file": file, "md5": hashlib.md5((root / file).read_bytes()).hexdigest()}
            for file in files
        ]


def test_demo_corpus_is_complete_and_repeats(tmp_path: Path) -> None:
    roots = [workspace(tmp_path / name, data=demo()) for name in ("one", "two")]
    printed = [build(root, "data") for root in roots]
    assert "train: 30 images, 150 samples" in printed[0]
    data = contents(roots[0] / "data")
    assert data == contents(roots[1] / "data")
    assert json.loads(data["corpus/summary.json"]) == {
        "source": "demo_world",
        "images": {"train": 30, "val": 5, "test": 5},
        "samples": {"train": 150, "val": 25, "test": 25},
        "normalised_captions": 0,
        "dropped_empty_captions": 0,
    }
    corpus = roots[0] / "data/corpus"
    listed = [
        image.file_name
        for split in ("train", "val", "test")
        for image in read_images(corpus / f"{split}.jsonl")
    ]
    assert sorted(listed) == sorted(path.name for path in (corpus / "images").iterdir())
    truth = roots[0] / "data/ground_truth"
    assert len(read_json_lines(truth / "noise.jsonl")) == 15 + 5 * 3 + 15
    assert len(read_json_lines(truth / "scenes.jsonl")) == 40
    assert_lists_its_images(roots[0], "corpus", ["train", "val", "test", "whole_train"])
    assert not [name for name in data if "partial" in name]


def test_generator_corpora(tmp_path: Path) -> None:
    root = workspace(tmp_path / "same", data=demo(), generator_data={"source": "same"})
    build(root, "data")
    build(root, "generator_data")
    corpus, generator_corpus = root / "data/corpus", root / "data/generator_corpus"
    images = read_images(generator_corpus / "train.jsonl")
    assert images == read_images(corpus / "train.jsonl")
    # It holds no images of its own: its list names those of the corpus.
    assert {path.name for path in generator_corpus.iterdir()} == {
        "train.jsonl",
        "train_images.jsonl",
        "summary.json",
    }
    listed = (generator_corpus / "train_images.jsonl").read_bytes()
    assert listed == (corpus / "train_images.jsonl").read_bytes()

    # A sample of the world of its own: another seed, the training split alone.
    sizes = {"train": 12, "val": 0, "test": 0}
    quiet = {"wrong_caption": 0.0, "mismatched_image": 0.0, "long_caption": 0.0}
    own = demo(seed=2, images=sizes, noise=quiet)
    root = workspace(tmp_path / "own", data=demo(), generator_data=for_generator(own))
    build(root, "generator_data")
    assert [path.name for path in (root / "data").iterdir()] == ["generator_corpus"]
    summary = json.loads((root / "data/generator_corpus/summary.json").read_text())
    assert summary["images"] == {"train": 12}
    assert read_images(root / "data/generator_corpus/train.jsonl") != images[:12]
    assert_lists_its_images(root, "generator_corpus", ["train"])


def test_a_fraction_shortens_the_captioners_training_split_alone(tmp_path: Path) -> None:
    same = {"source": "same"}
    built = {}
    for fraction in (1.0, 0.5, 0.2):
        data = demo(train_fraction=fraction)
        root = workspace(tmp_path / str(fraction), data=data, generator_data=same)
        build(root, "data")
        build(root, "generator_data")
        built[fraction] = contents(root / "data")
    whole, half = built[1.0], built[0.5]
    changed = {name for name in half if half[name] != whole.get(name)}
    assert changed == {
        "corpus/train.jsonl",
        "corpus/train_images.jsonl",
        "corpus/summary.json",
        "ground_truth/noise.jsonl",
    }
    for kind in ("", "_images"):
        file = f"corpus/train{kind}.jsonl"
        assert half[f"corpus/whole_train{kind}.jsonl"] == whole[file]
        lines = {name: built[name][file].splitlines() for name in built}
        assert [len(lines[name]) for name in built] == [30, 15, 6]
        # Each is a part of the next, in the corpus's order.
        assert lines[0.5] == [line for line in lines[1.0] if line in lines[0.5]]
        assert lines[0.2] == [line for line in lines[0.5] if line in lines[0.2]]
    assert_lists_its_images(tmp_path / "0.5", "corpus", ["train", "val", "test"])
    lines = {name: built[name]["corpus/train.jsonl"].splitlines() for name in built}
    assert json.loads(half["corpus/summary.json"])["samples"]["train"] == 75
    noisy = [json.loads(line) for line in half["ground_truth/noise.jsonl"].splitlines()]
    names = {json.loads(line)["image_id"] for line in lines[0.5]}
    everything = [json.loads(line) for line in whole["ground_truth/noise.jsonl"].splitlines()]
    assert noisy == [record for record in everything if record["sample_id"].split("#")[0] in names]
    assert 0 < len(noisy) < len(everything)


def test_karpathy_corpus_with_warnings_and_empty_ground_truth(tmp_path: Path) -> None:
    source = tmp_path / "photographs"
    (source / "val2014").mkdir(parents=True)
    records = []
    for number, split in enumerate(("restval", "val", "test")):
        Image.effect_noise((20, 20), 90).save(source / f"val2014/{number}.jpg")
        captions = [{"raw": "a dog\u2029runs"}, {"raw": " "}, {"raw": "fine"}]
        name = {"filepath": "val2014", "filename": f"{number}.jpg", "cocoid": number}
        records.append({"split": split, "sentences": captions} | name)
    (source / "dataset.json").write_text(json.dumps({"images": records}))
    section = {
        "source": "karpathy",
        "annotations": "dataset.json",
        "revision": 0,
        "seed": 0,
        "train_fraction": 1.0,
        "on_leak": "warn",
    }
    root = workspace(tmp_path / "work", data=section)
    set_inputs(root, annotations=source / "dataset.json", images=source)
    printed = build(root, "data")
    assert "single spaces in 3 captions" in printed
    assert "3 captions without a word were dropped" in printed
    corpus = root / "data/corpus"
    (image,) = read_images(corpus / "train.jsonl")
    assert image.captions == ("a dog runs", "fine")
    written = (corpus / "images" / image.file_name).read_bytes()
    assert written == (source / "val2014/0.jpg").read_bytes()
    assert_lists_its_images(root, "corpus", ["train", "val", "test"])
    summary = json.loads((corpus / "summary.json").read_text())
    assert summary["samples"] == {"train": 2, "val": 2, "test": 2}
    assert (summary["normalised_captions"], summary["dropped_empty_captions"]) == (3, 3)
    assert contents(root / "data/ground_truth") == {"noise.jsonl": b"", "scenes.jsonl": b""}


def test_the_profile_of_flickr8k(tmp_path: Path, shared_data: Path) -> None:
    profile = yaml.safe_load((REPOSITORY / "profiles/flickr8k.yaml").read_text())
    root = workspace(tmp_path / "work", **profile)
    folder = shared_data / "flickr8k"
    set_inputs(root, annotations=folder / "dataset_flickr8k.json", images=folder / "images")
    assert "train: 600 images, 3000 samples" in build(root, "data")
    assert build(root, "generator_data") == "train: 600 images, 3000 samples\n"
    assert len(read_json_lines(root / "data/generator_corpus/train_images.jsonl")) == 600
    assert len(list((root / "data/corpus/images").iterdir())) == 753


def test_a_failed_build_leaves_the_corpus_as_it_was(tmp_path: Path) -> None:
    root = workspace(tmp_path / "work", data=demo())
    build(root, "data")
    before = contents(root / "data")
    shutil.rmtree(root / "profiles")
    broken = {
        "source": "karpathy",
        "annotations": "dataset.json",
        "revision": 0,
        "seed": 0,
        "train_fraction": 1.0,
        "on_leak": "warn",
    }
    other = workspace(tmp_path / "other", data=broken)
    shutil.copytree(other / "profiles", root / "profiles")
    set_inputs(root, annotations="data/nowhere.json", images="data")
    finished = run_stage(root, "data")
    assert finished.returncode == 1
    assert finished.stderr.startswith("error: inputs.annotations: data/nowhere.json: no such file")
    assert "Traceback" not in finished.stderr
    assert contents(root / "data") == before
    assert {path.name for path in (root / "data").iterdir()} == {
        *("corpus", "corpus_findings", "ground_truth")
    }


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_captioner_needs_all_splits(tmp_path: Path, split: str) -> None:
    sizes = {"train": 30, "val": 5, "test": 5} | {split: 0}
    finished = run_stage(workspace(tmp_path / "work", data=demo(images=sizes)), "data")
    assert finished.returncode == 1
    assert f"data.images: at least 1 is needed in {split}" in finished.stderr

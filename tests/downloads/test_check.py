"""What the user downloaded, compared with what a profile needs."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from tests.commands.console import console, fail, succeed
from tests.conftest import REPOSITORY, set_inputs

SPLITS = ("train", "restval", "val", "test", "test")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose profile ``toy`` reads a corpus and models that are all there."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    shutil.copytree(REPOSITORY / "profiles", tmp_path / "profiles")
    (tmp_path / "toy/images").mkdir(parents=True)
    records = []
    for number, split in enumerate(SPLITS):
        Image.effect_noise((64, 64), 90).save(tmp_path / f"toy/images/{number}.jpg")
        record = {"imgid": number, "filename": f"{number}.jpg", "split": split}
        records.append(record | {"sentences": [{"raw": "a dog"}]})
    write_annotations(tmp_path, records, "toy")
    (tmp_path / "model.pth").write_bytes(b"weights")
    profile = yaml.safe_load((tmp_path / "profiles/flickr30k.yaml").read_text())
    profile["data"] |= {"annotations": "captions.json"}
    lies = {"annotations": "toy/captions.json", "images": "toy/images", "captioner": "model.pth"}
    set_inputs(tmp_path, **lies)
    profile["generator_data"] = {"source": "same"}
    profile["captioner"]["base"]["file"] = "model.pth"
    write_profile(tmp_path, profile)
    return tmp_path


def write_annotations(root: Path, records: list[dict[str, Any]], name: str) -> None:
    content = {"images": records, "dataset": name}
    (root / "toy/captions.json").write_text(json.dumps(content))


def write_profile(root: Path, profile: dict[str, Any]) -> None:
    (root / "profiles/toy.yaml").write_text(yaml.safe_dump(profile))


def profile_of(root: Path) -> Any:
    return yaml.safe_load((root / "profiles/toy.yaml").read_text())


def check(*arguments: str) -> tuple[str, str]:
    """What the command prints, and the error that it ends with."""
    ended = console("check-downloads", "--profile", "toy", *arguments)
    assert (ended.status == 1) == bool(ended.err)
    return ended.out, ended.err


def row(printed: str, split: str) -> list[str]:
    return next(line.split() for line in printed.splitlines() if line.split()[:1] == [split])


def test_a_complete_corpus_and_models_on_the_hub(root: Path) -> None:
    printed, error = check()
    assert not error
    assert row(printed, "train") == ["train", "-", "2", "2", "0", "0"]
    assert row(printed, "test") == ["test", "-", "2", "2", "0", "0"]
    assert "stable-diffusion-v1-5/stable-diffusion-v1-5 on the hub, which a stage" in printed
    assert printed.endswith("Nothing is missing.\n")
    assert not (root / ".dvc").exists()


def test_everything_that_is_missing_is_listed_at_once(root: Path) -> None:
    write_annotations(root, json.loads((root / "toy/captions.json").read_text())["images"], "coco")
    (root / "toy/images/0.jpg").unlink()
    (root / "toy/images/1.jpg").write_bytes(b"")
    (root / "model.pth").unlink()
    profile = profile_of(root)
    profile["generator"]["base"] = {"source": "local"}
    set_inputs(root, generator="generator")
    write_profile(root, profile)
    printed, error = check()
    assert row(printed, "train") == ["train", "113,287", "2", "0", "1", "1"]
    assert row(printed, "val") == ["val", "5,000", "1", "1", "0", "0"]
    for words in (
        "split train: 1 of 2 images missing",
        "split train: 1 of 2 images unreadable",
        "annotations list 2 images, the published corpus has 113,287",
        "annotations list 1 images, the published corpus has 5,000",
        "images.cocodataset.org/zips/train2014.zip",
        "karpathy/deepimagesent/caption_datasets.zip",
        "inputs.captioner = 'model.pth': there is no such file",
        "sfr-vision-language-research/BLIP/models/model.pth",
        "generator.base: model folder generator: there is no such folder",
    ):
        assert words in error, words


def test_only_decoding_finds_an_image_that_was_cut_short(root: Path) -> None:
    image = root / "toy/images/2.jpg"
    image.write_bytes(image.read_bytes()[:-400])
    assert check()[1] == ""
    printed, error = check("--decode")
    assert row(printed, "val") == ["val", "-", "1", "0", "0", "1"]
    assert "1 of 1 images unreadable" in error


def test_missing_annotations_and_images_name_both_sources(root: Path) -> None:
    profile = profile_of(root)
    profile["data"] |= {"annotations": "dataset_flickr30k.json"}
    set_inputs(root, annotations="toy/dataset_flickr30k.json", images="flickr30k-images")
    write_profile(root, profile)
    printed, error = check()
    assert row(printed, "val") == ["val", "1,014", "0", "0", "0", "0"]
    assert error.startswith("error: missing or not as published (2)")
    assert "caption_datasets.zip" in error and "DenotationGraph" in error


@pytest.mark.parametrize("is_right", [True, False])
def test_a_pinned_checkpoint_must_be_the_one(root: Path, is_right: bool) -> None:
    content = b"weights" if is_right else b"others"
    profile = profile_of(root)
    profile["captioner"]["base"]["sha256"] = hashlib.sha256(content).hexdigest()
    write_profile(root, profile)
    printed, error = check()
    assert ("with the pinned SHA-256" in printed) == is_right
    assert ("model.pth: its SHA-256 is" in error) != is_right


def test_real_photographs_that_are_a_part_of_flickr8k(root: Path, shared_data: Path) -> None:
    profile = profile_of(root)
    profile["data"] |= {"annotations": "dataset_flickr8k.json"}
    folder = shared_data / "flickr8k"
    set_inputs(root, annotations=folder / "dataset_flickr8k.json", images=folder / "images")
    write_profile(root, profile)
    printed, error = check()
    assert row(printed, "train") == ["train", "6,000", "600", "600", "0", "0"]
    assert "list 600 images, the published corpus has 6,000" in error


def test_the_demo_needs_no_download() -> None:
    assert succeed("check-downloads", "--profile", "demo").endswith("Nothing is missing.\n")


def test_an_unknown_profile_is_told_with_those_that_there_are() -> None:
    assert "'x': there is no such profile; allowed: coco, demo" in fail(
        "check-downloads", "--profile", "x"
    )


UNVERIFIED = [
    profile
    for profile in sorted(path.stem for path in (REPOSITORY / "profiles").glob("*.yaml"))
    if "revision: unverified" in (REPOSITORY / f"profiles/{profile}.yaml").read_text()
]


@pytest.mark.parametrize("profile", UNVERIFIED)
def test_a_captioner_whose_commit_nobody_looked_up_is_to_be_pinned(
    root: Path, profile: str
) -> None:
    captioner = yaml.safe_load((root / f"profiles/{profile}.yaml").read_text())["captioner"]
    error = console("check-downloads", "--profile", profile).err
    assert f"captioner.base: model {captioner['base']['id']}: revision = unverified: " in error

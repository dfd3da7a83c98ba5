"""The stages with captioners of other families: a model named in a profile, whole or adapted."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from caption_curation import paths
from caption_curation.captioner.bases.published import obtain_captioner
from caption_curation.captioner.model import ADAPTER_FILES
from caption_curation.config.profile import Adapter
from caption_curation.corpora.corpus import image_files, write_split
from caption_curation.image_index import digest_of
from caption_curation.model_files import weights_digest
from caption_curation.samples import read_losses, samples_of, write_json_lines
from caption_curation.support.errors import InputError
from stages import base_captioner, caption, score, train_captioner
from tests.captioner import every_family as family
from tests.captioner import tiny_models
from tests.conftest import set_inputs
from tests.pipeline.clone import change
from tests.small_run import COLOURS, TRAIN, VAL, set_parameters

SAMPLES = samples_of(TRAIN)


@pytest.fixture(scope="module")
def dvc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The .dvc folder of a new repository."""
    folder = tmp_path_factory.mktemp("dvc")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=folder, check=True)
    return folder / ".dvc"


def prepare(folder: Path, dvc: Path, model: Path, changes: dict[str, Any]) -> None:
    """What the captioner's stages read before the first epoch."""
    set_parameters(folder, {"training.prompt": "", "evaluation.max_length": 12})
    set_inputs(folder, captioner=model)
    change(
        folder / "profiles/demo.yaml",
        {"captioner.fine_tuning.batch_size": 4, "captioner.inference_batch_size": 2, **changes},
    )
    for split, images in {"train": TRAIN, "val": VAL}.items():
        (folder / paths.PHOTOGRAPHS).mkdir(parents=True, exist_ok=True)
        digests = {}
        for image in images:
            file = folder / paths.PHOTOGRAPHS / image.file_name
            Image.new("RGB", (40, 32), COLOURS.get(image.image_id, "grey")).save(file)
            digests[image.file_name] = digest_of(file.read_bytes())
        write_split(split, images, image_files(digests, paths.CORPUS), folder / paths.CORPUS)
    for epoch in (0, 1):
        write_json_lines(folder / paths.samples(epoch), SAMPLES)
    shutil.copytree(dvc, folder / ".dvc")


@pytest.mark.parametrize("adapter", [None, ["query", "value"]], ids=["whole", "adapter"])
def test_a_model_of_another_family_is_trained_scored_and_asked(
    tmp_path: Path,
    dvc: Path,
    git: Path,
    monkeypatch: pytest.MonkeyPatch,
    adapter: list[str] | None,
) -> None:
    settings = adapter and {"rank": 2, "alpha": 4.0, "dropout": 0.1, "target_modules": adapter}
    prepare(tmp_path, dvc, git, {"captioner.fine_tuning.adapter": settings})
    monkeypatch.chdir(tmp_path)
    base_captioner.main()
    base = weights_digest(paths.captioner(0))
    for epoch in (1, 2):
        train_captioner.main(epoch)
        names = {file.name for file in paths.captioner(epoch).iterdir()}
        assert (names == set(ADAPTER_FILES)) == bool(adapter)
    score.main(2)
    losses = read_losses(paths.losses(2))
    assert [loss.sample_id for loss in losses] == [sample.sample_id for sample in SAMPLES]
    caption.main("validation", 2)
    said = json.loads(paths.validation(2).read_text())
    assert {line["image_id"] for line in said} == {image.image_id for image in VAL}
    assert weights_digest(paths.captioner(0)) == base
    if adapter:
        assert json.loads((paths.captioner(2) / "base.json").read_text()) == {"digest": base}


# ------------------------------------------------------------- one clear line before anything runs


def refusal(folder: Path, size: int = family.SIDE, **other: Any) -> str:
    with pytest.raises(InputError) as raised:
        obtain_captioner(folder, size, **other)
    return str(raised.value)


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.git(tmp_path_factory.mktemp("git") / "git")


@pytest.fixture(scope="module")
def vit_gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.vit_gpt2(tmp_path_factory.mktemp("vit") / "vit")


def edited(folder: Path, target: Path, file: str, **values: Any) -> Path:
    shutil.copytree(folder, target)
    content = json.loads((target / file).read_text())
    (target / file).write_text(json.dumps(content | values))
    return target


def test_a_model_of_no_family_names_those_that_there_are(git: Path, tmp_path: Path) -> None:
    message = refusal(edited(git, tmp_path / "1", "config.json", model_type="detr"))
    assert 'config.json: model_type = "detr": allowed are models of the families blip, ' in message
    assert "\n" not in message


def test_another_image_size_is_refused_with_the_right_one(git: Path, vit_gpt2: Path) -> None:
    for folder in (git, vit_gpt2):
        message = refusal(folder, 48)
        assert "captioner.image_size = 48" in message
        assert message.endswith("set captioner.image_size to 32")


def test_a_size_that_the_architecture_cannot_take_is_refused(git: Path, tmp_path: Path) -> None:
    # The processor would make such pictures, and the model has no positions for their patches.
    file = "processor_config.json"
    processor = json.loads((git / file).read_text())["image_processor"]
    sides = {"size": {"shortest_edge": 48}, "crop_size": {"height": 48, "width": 48}}
    folder = edited(git, tmp_path / "1", file, image_processor=processor | sides)
    message = refusal(folder, 48)
    assert "captioner.image_size = 48: this model cannot read a picture of that size" in message
    assert "\n" not in message


def test_a_missing_processor_is_named(git: Path, tmp_path: Path) -> None:
    shutil.copytree(git, tmp_path / "1")
    (tmp_path / "1/processor_config.json").unlink()
    message = refusal(tmp_path / "1")
    assert "preprocessor_config.json or processor_config.json is missing" in message


def test_instructions_go_to_models_that_take_them(vit_gpt2: Path, tmp_path: Path) -> None:
    assert "takes none; allowed: null" in refusal(vit_gpt2, instruction="describe it")
    blip = family.build("blip", tmp_path / "blip")
    assert "a BLIP takes none; allowed: null" in refusal(blip, instruction="describe it")


def test_a_second_picture_is_refused(tmp_path: Path) -> None:
    folder = tiny_models.blip_2(tmp_path / "1")
    message = refusal(folder, instruction="what differs from <image>?")
    assert "captioner.instruction = 'what differs from <image>?'" in message
    assert message.endswith("a caption has one picture")


def test_an_adapter_of_no_module_is_refused(vit_gpt2: Path) -> None:
    adapter = Adapter(rank=2, alpha=2.0, dropout=0.0, target_modules=["c_attn", "w_q"])
    message = refusal(vit_gpt2, adapter=adapter)
    assert "this model has no linear layer w_q; it has c_attn, c_fc, c_proj, " in message


def test_weights_in_several_files_are_loaded(git: Path, tmp_path: Path) -> None:
    captioner = family.load("git", git)
    captioner.model.save_pretrained(tmp_path / "1", max_shard_size="50KB")
    captioner.processor.processor.save_pretrained(tmp_path / "1")
    shards = sorted((tmp_path / "1").glob("*.safetensors"))
    assert len(shards) > 1
    assert obtain_captioner(tmp_path / "1", family.SIDE) == tmp_path / "1"
    again = family.load("git", tmp_path / "1")
    for mine, theirs in zip(again.model.parameters(), captioner.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    save_file({}, shards[-1])
    assert "tensors are not those of" in refusal(tmp_path / "1")
    shards[-1].write_bytes(b"cut")
    assert "it was cut short" in refusal(tmp_path / "1")
    shards[-1].unlink()
    assert shards[-1].name in refusal(tmp_path / "1")


def test_pixels_are_those_of_pil_whatever_is_installed(git: Path, vit_gpt2: Path) -> None:
    from transformers.image_processing_backends import PilBackend

    captioner = family.load("git", git)
    assert isinstance(captioner.processor.processor.image_processor, PilBackend)
    captioner = family.load("vit_gpt2", vit_gpt2)
    assert isinstance(captioner.processor.image_processor, PilBackend)

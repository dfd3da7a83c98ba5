"""Where pretrained models come from: what is accepted, refused and downloaded."""

import hashlib
import shutil
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.utils._paths import filter_repo_objects

from caption_curation.config.profile import HubModel
from caption_curation.model_files import model_files, weights_digest
from caption_curation.pretrained import copy_model, obtain_model
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.bases import OPTIONAL_FILES, REQUIRED_FILES

# What stable-diffusion-v1-5's repository holds, shortened.
ON_THE_HUB = [
    "README.md",
    "model_index.json",
    "v1-5-pruned.safetensors",
    "feature_extractor/preprocessor_config.json",
    "safety_checker/config.json",
    "safety_checker/model.safetensors",
    "safety_checker/pytorch_model.bin",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.fp16.safetensors",
    "text_encoder/model.safetensors",
    "tokenizer/merges.txt",
    "tokenizer/vocab.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.bin",
    "unet/diffusion_pytorch_model.non_ema.safetensors",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
]
NEEDED = sorted(
    name
    for name in ON_THE_HUB
    if name.endswith((".json", ".txt"))
    or name.split("/")[-1] in ("model.safetensors", "diffusion_pytorch_model.safetensors")
)
HUB = HubModel(source="hub", id="someone/some-model", revision="0" * 40)


def write(folder: Path, names: list[str]) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_complete_folder_is_accepted(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", ON_THE_HUB)
    assert obtain_model(folder, required=REQUIRED_FILES) == folder


def test_either_form_of_a_tokenizer_is_enough(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", [*NEEDED, "tokenizer/tokenizer.json"])
    (folder / "tokenizer/vocab.json").unlink()
    assert obtain_model(folder, required=REQUIRED_FILES) == folder


def test_all_missing_parts_are_listed(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", NEEDED)
    missing = ["unet/config.json", "vae/diffusion_pytorch_model.safetensors"]
    for name in [*missing, "tokenizer/vocab.json"]:
        (folder / name).unlink()
    with pytest.raises(InputError) as caught:
        obtain_model(folder, required=REQUIRED_FILES)
    for name in [*missing, "(3)", "tokenizer/tokenizer.json or tokenizer/vocab.json"]:
        assert name in str(caught.value)
    assert "text_encoder" not in str(caught.value)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.*no such folder"):
        obtain_model(tmp_path / "nowhere", required=[])


@pytest.mark.parametrize("suffix", ["bin", "pt", "ckpt"])
def test_weights_that_can_run_code_are_refused(tmp_path: Path, suffix: str) -> None:
    folder = write(tmp_path / "model", NEEDED)
    weights = folder / "unet/diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(f".{suffix}"))
    with pytest.raises(InputError, match=rf"diffusion_pytorch_model\.{suffix} is refused"):
        obtain_model(folder, required=REQUIRED_FILES)


def test_only_what_is_needed_is_copied(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", [*ON_THE_HUB, ".cache/huggingface/state.json"])
    parts = [*REQUIRED_FILES, *OPTIONAL_FILES]
    assert [path.relative_to(folder).as_posix() for path in model_files(folder, parts)] == NEEDED
    (folder / "unet/config.json").chmod(0o444)
    copy_model(folder, tmp_path / "copy", parts)
    (tmp_path / "copy/unet/config.json").write_text("can be written")


def test_only_what_is_needed_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot_download(name: str, *, revision: str, allow_patterns: list[str]) -> str:
        assert (name, revision) == (HUB.id, HUB.revision)
        chosen = list(filter_repo_objects(ON_THE_HUB, allow_patterns=allow_patterns))
        return str(write(tmp_path / "cache", chosen))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    folder = obtain_model(HUB, required=REQUIRED_FILES, optional=OPTIONAL_FILES)
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    assert files == NEEDED


def test_hub_out_of_reach_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"someone/some-model.*source: local"):
        obtain_model(HUB, required=REQUIRED_FILES)


def test_digest_is_of_names_and_contents(tmp_path: Path) -> None:
    folder = write(tmp_path / "model", ["unet/config.json", "unet/w.safetensors"])
    expected = hashlib.sha256()
    for name in ("unet/config.json", "unet/w.safetensors"):
        content = hashlib.sha256(name.encode()).hexdigest()
        expected.update(f"{name}\0{content}\n".encode())
    digest = weights_digest(folder)
    assert digest == expected.hexdigest()

    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    write(moved, ["digest.json", "README.md", "unet/other.bin"])
    assert weights_digest(moved) == digest
    (moved / "unet/w.safetensors").write_text("other weights")
    assert weights_digest(moved) != digest
    write(moved, ["unet/w.safetensors"])
    (moved / "unet/w.safetensors").rename(moved / "unet/v.safetensors")
    assert weights_digest(moved) != digest

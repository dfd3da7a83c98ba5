"""Stages that are given bad input stop with a message alone, and write nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.clone import Clone, change
from tests.text_to_image.tiny_generators import write_generator


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone(tmp_path_factory.mktemp("clone"))


def fail(clone: Clone, *stage: str) -> str:
    """What a stage says when it fails."""
    done = subprocess.run(
        [sys.executable, "-m", *stage],
        cwd=clone.folder,
        env=clone.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.startswith("error: "), done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_model_folder_that_is_not_there(clone: Clone) -> None:
    change(clone.folder / "profiles/tiny.yaml", {"captioner.base": {"source": "local"}})
    clone.set(**{"inputs.captioner": "models/blip"})
    message = fail(clone, "stages.base_captioner")
    assert "models/blip" in message and "no such folder" in message
    assert not (clone.folder / "data/epochs").exists()


def test_a_model_folder_with_missing_parts_lists_them_all(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle, perhaps")
    change(clone.folder / "profiles/tiny.yaml", {"captioner.base": {"source": "local"}})
    clone.set(**{"inputs.captioner": str(tmp_path)})
    message = fail(clone, "stages.base_captioner")
    for part in ("model.safetensors", "tokenizer.json", "preprocessor_config.json"):
        assert part in message
    assert "pytorch_model.bin is refused" in message
    assert not any(line.strip() == "config.json is missing" for line in message.splitlines())


def test_a_command_lists_the_faults_of_both_files(clone: Clone) -> None:
    clone.reset()
    change(clone.folder / "params.yaml", {"curation.ratio": 7})
    change(clone.folder / "profiles/tiny.yaml", {"captioner.image_size": -1})
    message = fail(clone, "stages.parameters")
    clone.reset()
    assert "2 invalid parameter(s)" in message
    assert "curation.ratio = 7" in message and "captioner.image_size = -1" in message


def test_what_a_generator_does_not_have_is_said_by_the_first_stage(
    clone: Clone, tmp_path: Path
) -> None:
    clone.reset()
    write_generator("stable_diffusion_3", tmp_path / "model")
    change(
        clone.folder / "profiles/tiny.yaml",
        {"generator.base": {"source": "local"}, "generator.image_size": 36},
    )
    clone.set(**{"inputs.generator": str(tmp_path / "model"), "prompt.overflow": "chunk"})
    message = fail(clone, "stages.parameters")
    clone.reset()
    assert "a StableDiffusion3Pipeline does not have (3)" in message
    assert "synthesis.sampler = 'dpm_solver'; allowed: native" in message
    assert "prompt.overflow = 'chunk'" in message
    assert "generator.image_size = 36; allowed: multiples of 8" in message
    assert not (clone.folder / "data/parameters.txt").exists()

"""The image store's command: size, verify and gc in a real DVC repository."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from caption_curation.support.unfinished import FOLDER, unfinished_work
from caption_curation.text_to_image.image_store import Counts, ImageStore, open_store
from caption_curation.text_to_image.store_upkeep import Size, size_of
from tests.text_to_image.image_store.noise_generator import (
    BATCH_SIZE,
    RECIPE,
    noise_images,
    requests_for,
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A DVC repository and its store with the images of seeds 0 to 5."""
    dvc(tmp_path, "init", "--no-scm")
    # Hard links first: DVC's cache, the output and the store then share one file.
    dvc(tmp_path, "config", "cache.type", "hardlink,copy")
    with open_store(tmp_path / ".dvc" / "cache") as store:
        store.obtain(RECIPE, requests_for(range(6)), noise_images, BATCH_SIZE)
    return tmp_path


def dvc(repository: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", *arguments, "--quiet"]
    subprocess.run(command, cwd=repository, check=True)


def run(repository: Path, *arguments: str, answer: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "caption_curation", "images", *arguments],
        cwd=repository,
        input=answer,
        capture_output=True,
        text=True,
        check=False,
    )


def images_in(repository: Path) -> set[str]:
    store = ImageStore(repository / ".dvc" / "cache")
    return {path.stem for path in store.images.glob("??/*.jpg")}


def stored(repository: Path, seed: int) -> Path:
    key = next(iter(requests_for(range(seed, seed + 1))))
    path = ImageStore(repository / ".dvc" / "cache").path(key)
    path.chmod(0o644)
    return path


def test_size(repository: Path) -> None:
    total = sum(stored(repository, seed).stat().st_size for seed in range(6))
    result = run(repository, "size")
    assert result.returncode == 0
    assert f"6 images, {total / 1e6:.1f} MB" in result.stdout


def test_verify_finds_every_kind_of_damage(repository: Path) -> None:
    assert run(repository, "verify").returncode == 0
    cut, garbage, tables, other, resized = (stored(repository, seed) for seed in range(5))
    cut.write_bytes(cut.read_bytes()[:-50])
    garbage.write_bytes(b"\xff\xd8" + bytes(300) + b"\xff\xd9")  # begins and ends as it should
    content = bytearray(tables.read_bytes())
    first_table = content.index(b"\xff\xc4") + 5  # Huffman codes by length, of at most 16 bits
    content[first_table : first_table + 16] = bytes(15) + b"\x01"
    tables.write_bytes(content)
    other.write_bytes(stored(repository, 5).read_bytes())
    with Image.open(resized) as image:
        image.resize((8, 8)).save(resized, comment=image.info["comment"])

    result = run(repository, "verify")
    assert result.returncode == 1
    faults = dict(line.split(": ", 1) for line in result.stdout.splitlines()[:-1])
    assert set(faults) == {str(path) for path in (cut, garbage, tables, other, resized)}
    assert faults[str(cut)] == "not a whole JPEG file"
    assert faults[str(garbage)].startswith("does not decode")
    assert faults[str(tables)].startswith("does not decode")
    assert faults[str(other)] == "its content belongs to another key"
    assert faults[str(resized)] == "(8, 8) pixels, its recipe says (24, 16)"
    assert len(images_in(repository)) == 6

    assert run(repository, "verify", "--remove").returncode == 0
    assert images_in(repository) == set(requests_for(range(5, 6)))
    assert run(repository, "verify").returncode == 0
    with open_store(repository / ".dvc" / "cache") as store:
        counts = store.obtain(RECIPE, requests_for(range(6)), noise_images, BATCH_SIZE)
    assert counts == Counts(5, 1, 0)


def test_gc_keeps_what_dvc_knows_of(repository: Path) -> None:
    with open_store(repository / ".dvc" / "cache") as store:
        store.link_images(requests_for(range(2)), repository / "output")
    (repository / "output" / "index.jsonl").write_text("{}\n")
    dvc(repository, "add", "output")

    unnamed = sum(stored(repository, seed).stat().st_size for seed in range(2, 6))
    result = run(repository, "gc", "--force")
    assert result.returncode == 0
    assert f"4 images, {unnamed / 1e6:.1f} MB" in result.stdout
    assert "4 images removed" in result.stdout
    assert images_in(repository) == set(requests_for(range(2)))
    # The store shares these with DVC's cache and the output: they take no room of their own.
    kept = [stored(repository, seed) for seed in range(2)]
    assert size_of(kept) == Size(2, sum(path.stat().st_size for path in kept), 0)

    (repository / "output.dvc").unlink()  # the experiment is dropped
    assert "0 images removed" in run(repository, "gc", "--force").stdout
    dvc(repository, "gc", "--workspace", "--force")
    assert "2 images removed" in run(repository, "gc", "--force").stdout
    assert images_in(repository) == set()


@pytest.mark.parametrize(("answer", "left"), [("n\n", 6), ("", 6), ("y\n", 0)])
def test_gc_asks(repository: Path, answer: str, left: int) -> None:
    result = run(repository, "gc", answer=answer)
    assert "6 images" in result.stdout
    assert result.returncode == (1 if left else 0)
    assert len(images_in(repository)) == left


def test_gc_removes_what_killed_stages_saved(repository: Path) -> None:
    cache = repository / ".dvc" / "cache"
    killed = cache / FOLDER / "train_captioner-2-5e8f"
    killed.mkdir(parents=True)
    (killed / "step-00000500.safetensors").write_bytes(bytes(2_500_000))
    with unfinished_work(cache, "score-1-77aa") as running:
        assert running is not None
        running.mkdir()
        result = run(repository, "gc", answer="y\n")
        assert "2 stages were killed, or run now, and have saved 2.5 MB" in result.stdout
        assert "What 1 killed stages saved is removed." in result.stdout
        assert running.is_dir() and not killed.exists()


@pytest.mark.parametrize("arguments", [("gc", "--force"), ("verify", "--remove")])
def test_nothing_is_removed_while_a_stage_runs(
    repository: Path, arguments: tuple[str, ...]
) -> None:
    with open_store(repository / ".dvc" / "cache"):
        result = run(repository, *arguments)
    assert result.returncode == 1
    assert "a running stage uses the image store" in result.stderr
    assert len(images_in(repository)) == 6


def test_outside_of_a_repository(tmp_path: Path) -> None:
    result = run(tmp_path, "size")
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: {tmp_path}: not in a DVC repository")

"""Synthetic images through the image store and DVC: storing, committing, pushing, checking out."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.results import Outcome, Row, timed
from caption_curation.text_to_image.image_store import ImageRequest, Recipe, image_key, open_store

PROJECT = Path(__file__).resolve().parent.parent
IMAGES = {1_000: 3, 10_000: 1}  # number of images → repetitions
PICTURES = 32  # different ones; every file differs all the same, by the comment with its prompt
GRAIN = 32  # pixels; noise that is so coarse makes JPEG files of about 40 KB
BATCH_SIZE = 32
# Five captions, as the paper's prompts have.
PROMPT = ". ".join(["two dogs run after a ball on the beach while people watch"] * 5)
RECIPE = Recipe(
    generator="5e8f",
    sampler="dpm_solver",
    steps=25,
    guidance=7.5,
    negative_prompt="",
    size=(512, 512),
    jpeg_quality=95,
    torch="2.13.0",
    diffusers="0.42.1",
    transformers="5.23.0",
)


class Repository:
    """A DVC repository with the project's settings, and a remote that is a folder beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "repository"
        self.images = self.folder / "synthetic"
        self.cache = self.folder / ".dvc" / "cache"
        self.remote = folder / "remote"
        settings = self.folder / ".dvc"
        settings.mkdir(parents=True)
        shutil.copy(PROJECT / ".dvc" / "config", settings)
        (settings / "config.local").write_text(
            f"[core]\n    remote = group\n['remote \"group\"']\n    url = {self.remote}\n",
            encoding="utf-8",
        )
        self._run("git", "init", "--quiet")

    def dvc(self, *words: str) -> None:
        """Run a DVC command."""
        self._run(sys.executable, "-m", "dvc", *words)

    def store(self, number: int, pictures: Sequence[Image.Image]) -> None:
        """Encode and store that many images, and link them into the output of a stage."""
        requests = [ImageRequest(PROMPT, seed) for seed in range(number)]
        wanted = {image_key(RECIPE, request): request for request in requests}

        def draw(batch: list[ImageRequest]) -> list[Image.Image | None]:
            return [pictures[request.seed % len(pictures)] for request in batch]

        with open_store(self.cache) as store:
            store.obtain(RECIPE, wanted, draw, BATCH_SIZE)
            store.link_images(wanted, self.images)

    def commit(self) -> None:
        """Have DVC hash the images and put them into its cache."""
        self.dvc("add", "--quiet", self.images.name)

    def push(self) -> None:
        """Copy the images to the remote."""
        self.dvc("push", "--quiet")

    def check_out(self) -> None:
        """Bring the output back from the cache, by hard links."""
        self.dvc("checkout", "--quiet")

    def _run(self, *words: str) -> None:
        subprocess.run(words, cwd=self.folder, check=True)


def random_pictures(number: int) -> list[Image.Image]:
    """Coarse noise of the recipe's size."""
    rng = np.random.default_rng(0)
    width, height = RECIPE.size
    shape = (height // GRAIN, width // GRAIN, 3)
    return [
        Image.fromarray(rng.integers(64, 192, shape, dtype=np.uint8)).resize(
            (width, height), Image.Resampling.BICUBIC
        )
        for _ in range(number)
    ]


def seconds_of(
    folder: Path, number: int, pictures: Sequence[Image.Image]
) -> tuple[dict[str, float], float]:
    """Seconds of each step with so many images in a new repository, and the mean file's KB."""
    repository = Repository(folder)
    seconds = {
        "store (with JPEG encoding)": timed(lambda: repository.store(number, pictures)),
        "commit (`dvc add`)": timed(repository.commit),
        "push to a folder (`dvc push`)": timed(repository.push),
    }
    shutil.rmtree(repository.images)
    seconds["check out by hard links (`dvc checkout`)"] = timed(repository.check_out)
    sizes = [path.stat().st_size for path in repository.images.iterdir()]
    return seconds, sum(sizes) / len(sizes) / 1e3


def measure() -> Outcome:
    """One thousand and ten thousand images."""
    pictures = random_pictures(PICTURES)
    rows: list[Row] = []
    for number, repetitions in IMAGES.items():
        found: dict[str, list[float]] = {}
        for _ in range(repetitions):
            with tempfile.TemporaryDirectory() as folder:
                seconds, kilobytes = seconds_of(Path(folder), number, pictures)
            for name, value in seconds.items():
                found.setdefault(name, []).append(value)
        what = f"{number:,} images of {kilobytes:.0f} KB"
        rows += [Row(f"{what}: {name}", "s", values) for name, values in found.items()]
    return Outcome(rows, ["each `dvc` command's own start is part of its seconds"])

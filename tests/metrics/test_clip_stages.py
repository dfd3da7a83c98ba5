"""CLIPScore in the pipeline: embeddings, scores by image, and the reason if there is no CLIP."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from transformers import CLIPModel, CLIPTokenizer

from caption_curation import paths
from caption_curation.metrics.clip.model import encode_images, encode_texts, load_clip
from caption_curation.support.errors import InputError
from stages import clip_features, clip_model, clip_score
from tests.conftest import set_inputs
from tests.metrics.tiny_clip import write_tiny_clip
from tests.small_run import TEST, VAL, write_small_run

MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]  # CLIP's


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_clip(tmp_path_factory.mktemp("clip"))


def set_clip(root: Path, source: dict[str, Any] | None) -> None:
    profile = root / "profiles" / "demo.yaml"
    content = yaml.safe_load(profile.read_text())
    profile.write_text(yaml.safe_dump({**content, "clip": source}))


@pytest.fixture
def run(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small run of two epochs whose profile has the tiny CLIP."""
    write_small_run(tmp_path, epochs=2)
    set_clip(tmp_path, {"source": "local"})
    set_inputs(tmp_path, clip=model)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_vectors_are_those_of_the_model_one_by_one(model: Path, tmp_path: Path) -> None:
    clip = load_clip(model, torch.device("cpu"))
    assert {parameter.dtype for parameter in clip.model.parameters()} == {torch.float32}
    texts = ["a ring", "A photo depicts two blue bars and a red ring", "a ring"]
    pictures = [tmp_path / f"{colour}.png" for colour in ("red", "gray", "navy")]
    for path in pictures:
        Image.new("RGB", (8, 8), path.stem).convert("P").save(path)

    reference = CLIPModel.from_pretrained(model, dtype=torch.float32).eval()
    tokenizer = CLIPTokenizer.from_pretrained(model)
    with torch.inference_mode():
        expected = [
            reference.get_text_features(**tokenizer(text, return_tensors="pt")).pooler_output[0]
            for text in texts
        ]
        pixels = [
            (np.asarray(Image.open(path).convert("RGB")) / 255 - MEAN) / STD for path in pictures
        ]
        seen = reference.get_image_features(
            torch.tensor(np.stack(pixels), dtype=torch.float32).permute(0, 3, 1, 2)
        ).pooler_output
    assert encode_texts(clip, texts) == pytest.approx(np.stack(expected), abs=1e-6)
    assert encode_images(clip, pictures) == pytest.approx(seen.numpy(), abs=1e-6)


def test_a_text_of_more_than_77_tokens_is_cut_and_keeps_its_end(model: Path) -> None:
    clip = load_clip(model, torch.device("cpu"))
    words = ["ring"] * 100
    same = encode_texts(clip, [" ".join(words), " ".join([*words[:75], "two"]), "ring"])
    assert same[0] == pytest.approx(same[1], abs=1e-6)
    assert same[0] != pytest.approx(same[2], abs=1e-3)


def test_the_stages_score_every_caption_by_its_own_image(run: Path, model: Path) -> None:
    clip_model.main()
    clip_features.main()
    clip_score.main(2)

    content = json.loads(paths.CLIP_SCORES.read_text())
    assert content["reason"] is None
    assert list(content["scores"]) == ["val_epoch_1", "val_epoch_2", "test"]
    assert list(content["scores"]["val_epoch_1"]) == [image.image_id for image in VAL]

    # The second test image and its caption, by the definition.
    clip = load_clip(model, torch.device("cpu"))
    prefix = "A photo depicts "
    caption, *others = encode_texts(
        clip, [prefix + text for text in ("a red ring on brown", *TEST[1].captions)]
    )
    image = encode_images(clip, [paths.CORPUS / "images" / TEST[1].file_name])[0]

    def cosine(first: Any, second: Any) -> float:
        return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))

    score = 2.5 * max(cosine(image, caption), 0)
    best = max(cosine(other, caption) for other in others)
    found = content["scores"]["test"][TEST[1].image_id]
    assert found["clipscore"] == pytest.approx(score, abs=1e-6)
    assert found["ref_clipscore"] == pytest.approx(2 * score * best / (score + best), abs=1e-6)

    first = paths.CLIP_SCORES.read_bytes()
    clip_features.main()
    clip_score.main(2)
    assert paths.CLIP_SCORES.read_bytes() == first


def test_without_a_clip_the_scores_are_null_and_the_reason_is_given(run: Path) -> None:
    set_clip(run, None)
    clip_model.main()
    clip_features.main()
    clip_score.main(2)
    assert json.loads(paths.CLIP_SCORES.read_text()) == {
        "reason": "the profile names no CLIP (clip: null)",
        "scores": None,
    }


def test_missing_parts_of_a_clip_are_listed(run: Path, model: Path) -> None:
    folder = run / "incomplete"
    folder.mkdir()
    (folder / "config.json").write_bytes((model / "config.json").read_bytes())
    (folder / "pytorch_model.bin").write_bytes(b"a pickle, perhaps")
    set_inputs(run, clip="incomplete")
    with pytest.raises(InputError) as raised:
        clip_model.main()
    for part in ("model.safetensors", "pytorch_model.bin is refused", "preprocessor_config.json"):
        assert part in str(raised.value)
    assert not paths.CLIP.exists()


def test_a_missing_image_is_named_before_a_model_is_loaded(run: Path) -> None:
    clip_model.main()
    for file in paths.CLIP.glob("*.safetensors"):
        file.unlink()
    missing = paths.CORPUS / "images" / VAL[0].file_name
    missing.unlink()
    with pytest.raises(InputError, match="`dvc pull data/corpus/images` fetches them") as caught:
        clip_features.main()
    assert missing.as_posix() in str(caught.value)

"""Original BLIP checkpoints: a tiny one, computed in plain torch and after its conversion."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torch.nn.functional import conv2d, gelu, layer_norm

from caption_curation import paths
from caption_curation.captioner.bases.blip_checkpoint import (
    blip_tokenizer,
    convert_checkpoint,
    interpolated_positions,
)
from caption_curation.captioner.captioning import generate_captions
from caption_curation.captioner.families.blip import decoder_logits, encode_images
from caption_curation.captioner.model.captioner import (
    Captioner,
    caption_tokens,
    load_captioner,
)
from caption_curation.captioner.model.transforms import resize, to_tensor
from caption_curation.config.experiment import Evaluation
from caption_curation.config.inputs import Checkpoint
from caption_curation.pictures.reading import read_picture
from caption_curation.support.errors import InputError
from caption_curation.support.sections import InvalidParams
from stages import base_captioner
from tests.conftest import REPOSITORY, set_inputs

PROMPT = "a picture of "
VISION, TEXT = 128, 192  # channels: two and three heads of 64, as in all of BLIP's models
VISION_LAYERS, TEXT_LAYERS = 2, 2
PATCH, SIZE, POSITIONS = 8, 32, 24
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*SPECIAL, "a", "picture", "of", "red", "green", "blue", "dog", "cat", "runs"]
TOKENS = len(WORDS) + 2  # [DEC] and [ENC]

Tensors = dict[str, torch.Tensor]


# ------------------------------------------- a checkpoint with the original's names and shapes


def linear(tensors: Tensors, name: str, inputs: int, outputs: int) -> None:
    tensors[f"{name}.weight"] = torch.randn(outputs, inputs) / inputs**0.5
    tensors[f"{name}.bias"] = 0.3 * torch.randn(outputs)


def norm(tensors: Tensors, name: str, width: int) -> None:
    tensors[f"{name}.weight"] = 1 + 0.3 * torch.randn(width)
    tensors[f"{name}.bias"] = 0.3 * torch.randn(width)


def decoder(tensors: Tensors, prefix: str) -> None:
    words = f"{prefix}.embeddings.word_embeddings.weight"
    tensors[words] = torch.randn(TOKENS, TEXT)
    tensors[f"{prefix}.embeddings.position_embeddings.weight"] = torch.randn(POSITIONS, TEXT)
    tensors[f"{prefix}.embeddings.position_ids"] = torch.arange(POSITIONS)[None]
    norm(tensors, f"{prefix}.embeddings.LayerNorm", TEXT)
    for index in range(TEXT_LAYERS):
        layer = f"{prefix}.encoder.layer.{index}"
        for attention, width in (("attention", TEXT), ("crossattention", VISION)):
            linear(tensors, f"{layer}.{attention}.self.query", TEXT, TEXT)
            linear(tensors, f"{layer}.{attention}.self.key", width, TEXT)
            linear(tensors, f"{layer}.{attention}.self.value", width, TEXT)
            linear(tensors, f"{layer}.{attention}.output.dense", TEXT, TEXT)
            norm(tensors, f"{layer}.{attention}.output.LayerNorm", TEXT)
        linear(tensors, f"{layer}.intermediate.dense", TEXT, 4 * TEXT)
        linear(tensors, f"{layer}.output.dense", 4 * TEXT, TEXT)
        norm(tensors, f"{layer}.output.LayerNorm", TEXT)


@pytest.fixture
def tensors() -> Tensors:
    return checkpoint()


def checkpoint() -> Tensors:
    """What BLIP's pretraining leaves under the key ``model``."""
    torch.manual_seed(0)
    made: Tensors = {
        "temp": torch.tensor(0.05),
        "image_queue": torch.randn(4, 6),
        "text_queue": torch.randn(4, 6),
        "queue_ptr": torch.zeros(1, dtype=torch.long),
        "visual_encoder.cls_token": torch.randn(1, 1, VISION),
        "visual_encoder.pos_embed": torch.randn(1, 1 + (SIZE // PATCH) ** 2, VISION),
        "visual_encoder.patch_embed.proj.weight": torch.randn(VISION, 3, PATCH, PATCH) / 14,
        "visual_encoder.patch_embed.proj.bias": torch.randn(VISION),
    }
    for index in range(VISION_LAYERS):
        block = f"visual_encoder.blocks.{index}"
        norm(made, f"{block}.norm1", VISION)
        linear(made, f"{block}.attn.qkv", VISION, 3 * VISION)
        linear(made, f"{block}.attn.proj", VISION, VISION)
        norm(made, f"{block}.norm2", VISION)
        linear(made, f"{block}.mlp.fc1", VISION, 4 * VISION)
        linear(made, f"{block}.mlp.fc2", 4 * VISION, VISION)
    norm(made, "visual_encoder.norm", VISION)
    decoder(made, "text_decoder.bert")
    head = "text_decoder.cls.predictions"
    linear(made, f"{head}.transform.dense", TEXT, TEXT)
    norm(made, f"{head}.transform.LayerNorm", TEXT)
    made[f"{head}.decoder.weight"] = made["text_decoder.bert.embeddings.word_embeddings.weight"]
    made[f"{head}.decoder.bias"] = torch.randn(TOKENS)
    made[f"{head}.bias"] = torch.zeros(TOKENS - 2)
    # The parts of pretraining that a captioner does not have
    made["visual_encoder_m.cls_token"] = torch.randn(1, 1, VISION)
    decoder(made, "text_encoder")
    linear(made, "itm_head", TEXT, 2)
    for name in ("vision_proj", "vision_proj_m", "text_proj", "text_proj_m"):
        linear(made, name, TEXT, 4)
    return made


def write_checkpoint(content: Any, path: Path, as_zip: bool) -> None:
    """A zip archive as torch writes since version 1.6, or one pickle after the other as before."""
    torch.save(content, path, _use_new_zipfile_serialization=as_zip)


def save(tensors: Tensors, folder: Path, *, as_zip: bool = True) -> Checkpoint:
    """The checkpoint's file and its vocabulary in ``folder``, as ``inputs`` names them."""
    state = {"model": tensors, "optimizer": {"state": {}, "lr": 1e-5}, "config": {"vit": "base"}}
    write_checkpoint({**state, "epoch": 19}, folder / "model_base.pth", as_zip)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return Checkpoint(
        path=folder / "model_base.pth",
        sha256=hashlib.sha256((folder / "model_base.pth").read_bytes()).hexdigest(),
        tokenizer=folder,
    )


# ---------------------------------------- BLIP in plain torch (its paper, ViT's and BERT's)


def reference(tensors: Tensors, name: str, states: torch.Tensor) -> torch.Tensor:
    return states @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]


def normalised(tensors: Tensors, name: str, states: torch.Tensor, eps: float) -> torch.Tensor:
    weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
    return layer_norm(states, weight.shape, weight, bias, eps)


def attended(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, causal: bool = False
) -> torch.Tensor:
    """Heads of 64 channels, one after the other; (tokens, channels) each."""
    heads = []
    for start in range(0, queries.shape[1], 64):
        head = slice(start, start + 64)
        scores = queries[:, head] @ keys[:, head].T / 8
        if causal:
            scores = scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -torch.inf)
        heads.append(scores.softmax(dim=-1) @ values[:, head])
    return torch.cat(heads, dim=1)


def reference_image_states(tensors: Tensors, pixels: torch.Tensor) -> torch.Tensor:
    """(1 + patches, channels) of one image (3, size, size): salesforce/BLIP, models/vit.py."""
    patches = "visual_encoder.patch_embed.proj"
    embedded = conv2d(
        pixels[None], tensors[f"{patches}.weight"], tensors[f"{patches}.bias"], stride=PATCH
    )
    states = torch.cat([tensors["visual_encoder.cls_token"][0], embedded[0].flatten(1).T])
    states = states + tensors["visual_encoder.pos_embed"][0]
    for index in range(VISION_LAYERS):
        block = f"visual_encoder.blocks.{index}"
        inner = normalised(tensors, f"{block}.norm1", states, 1e-6)
        queries, keys, values = reference(tensors, f"{block}.attn.qkv", inner).chunk(3, dim=1)
        states = states + reference(tensors, f"{block}.attn.proj", attended(queries, keys, values))
        inner = normalised(tensors, f"{block}.norm2", states, 1e-6)
        inner = gelu(reference(tensors, f"{block}.mlp.fc1", inner))
        states = states + reference(tensors, f"{block}.mlp.fc2", inner)
    return normalised(tensors, "visual_encoder.norm", states, 1e-6)


def reference_logits(tensors: Tensors, image: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """(tokens, vocabulary) of one caption's ids: salesforce/BLIP, models/med.py."""
    bert = "text_decoder.bert"
    states = tensors[f"{bert}.embeddings.word_embeddings.weight"][ids]
    states = states + tensors[f"{bert}.embeddings.position_embeddings.weight"][: len(ids)]
    states = normalised(tensors, f"{bert}.embeddings.LayerNorm", states, 1e-12)
    for index in range(TEXT_LAYERS):
        layer = f"{bert}.encoder.layer.{index}"
        for attention in ("attention", "crossattention"):
            itself = attention == "attention"
            seen = states if itself else image
            mixed = attended(
                reference(tensors, f"{layer}.{attention}.self.query", states),
                reference(tensors, f"{layer}.{attention}.self.key", seen),
                reference(tensors, f"{layer}.{attention}.self.value", seen),
                causal=itself,
            )
            mixed = reference(tensors, f"{layer}.{attention}.output.dense", mixed) + states
            states = normalised(tensors, f"{layer}.{attention}.output.LayerNorm", mixed, 1e-12)
        inner = gelu(reference(tensors, f"{layer}.intermediate.dense", states))
        inner = reference(tensors, f"{layer}.output.dense", inner) + states
        states = normalised(tensors, f"{layer}.output.LayerNorm", inner, 1e-12)
    head = "text_decoder.cls.predictions"
    states = gelu(reference(tensors, f"{head}.transform.dense", states))
    states = normalised(tensors, f"{head}.transform.LayerNorm", states, 1e-12)
    return reference(tensors, f"{head}.decoder", states)


# --------------------------------------------------------------------------------------- tests


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def obtained_by_the_stage(
    source: Checkpoint, root: Path, monkeypatch: pytest.MonkeyPatch
) -> Captioner:
    """What ``python -m stages.base_captioner`` saves where the profile asks for ``source``."""
    (root / "profiles").mkdir()
    (root / "params.yaml").write_text((REPOSITORY / "params.yaml").read_text())
    profile = yaml.safe_load((REPOSITORY / "profiles/demo.yaml").read_text())
    profile["captioner"]["base"] = {
        "source": "blip_checkpoint",
        "file": source.path.name,
        "sha256": source.sha256,
        "tokenizer": {"source": "local"},
    }
    set_inputs(root, captioner=source.path, tokenizer=source.tokenizer)
    (root / "profiles/demo.yaml").write_text(yaml.safe_dump(profile))
    monkeypatch.chdir(root)
    paths.captioner(0).parent.mkdir(parents=True)
    base_captioner.main()
    return load_captioner(paths.captioner(0), SIZE, torch.device("cpu"))


def test_a_converted_checkpoint_computes_what_the_original_does(
    tensors: Tensors, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner = obtained_by_the_stage(save(tensors, tmp_path), tmp_path, monkeypatch)
    captioner.model.eval()
    pixels = to_tensor(resize(read_picture(picture), SIZE))
    tokens = caption_tokens(captioner, ["Red dog runs."], prompt=PROMPT, max_tokens=POSITIONS)
    with torch.no_grad():
        states = encode_images(captioner, pixels[None])
        logits = decoder_logits(captioner, states, tokens)[0]

    # [DEC] and [ENC] follow BERT's words, and [DEC] begins what the decoder reads.
    words = ["a", "picture", "of", "red", "dog", "runs"]
    ids = torch.tensor([len(WORDS), *map(WORDS.index, words)])
    assert tokens.inputs[0].tolist() == ids.tolist()
    expected = reference_image_states(tensors, pixels)
    torch.testing.assert_close(states[0], expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        logits, reference_logits(tensors, expected, ids), rtol=1e-4, atol=1e-4
    )

    # The likeliest word again and again, with no word before the fifth token allowed to be the end
    end, length = WORDS.index("[SEP]"), 12
    ids = torch.tensor([len(WORDS), *map(WORDS.index, words[:3])])
    while len(ids) < length:
        scores = reference_logits(tensors, expected, ids)[-1]
        if len(ids) < 5:
            scores[end] = -torch.inf
        ids = torch.cat([ids, scores.argmax()[None]])
        if ids[-1] == end:
            break
    [caption] = generate_captions(
        captioner,
        [picture],
        prompt=PROMPT,
        evaluation=Evaluation(beams=1, min_length=5, max_length=length, spice="off", language="en"),
        beam_length="caption",
        batch_size=1,
    )
    assert caption == " ".join(WORDS[i] for i in ids[4:] if len(SPECIAL) <= i < len(WORDS))
    assert caption


def test_what_shapes_do_not_tell_is_blips_configuration(tensors: Tensors, tmp_path: Path) -> None:
    # salesforce/BLIP: configs/med_config.json and models/vit.py
    config = convert_checkpoint(save(tensors, tmp_path), SIZE).model.config
    text, vision = config.text_config, config.vision_config
    assert (text.hidden_dropout_prob, text.attention_probs_dropout_prob) == (0.1, 0.1)
    assert (text.layer_norm_eps, vision.layer_norm_eps) == (1e-12, 1e-6)
    assert (text.num_attention_heads, vision.num_attention_heads) == (3, 2)


def cubic(distance: float) -> float:
    """Keys' kernel with a = -0.75, which torch's bicubic interpolation is defined by."""
    x = abs(distance)
    if x <= 1:
        return 1.25 * x**3 - 2.25 * x**2 + 1
    return -0.75 * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


def cubic_matrix(old: int, new: int) -> torch.Tensor:
    """(new, old): weights of the old places in each new one; the outermost are repeated."""
    matrix = torch.zeros(new, old)
    for place in range(new):
        centre = (place + 0.5) * old / new - 0.5
        for neighbour in range(int(np.floor(centre)) - 1, int(np.floor(centre)) + 3):
            matrix[place, min(max(neighbour, 0), old - 1)] += cubic(centre - neighbour)
    return matrix


def test_another_image_size_interpolates_the_positions(
    tensors: Tensors, picture: Path, tmp_path: Path
) -> None:
    captioner = convert_checkpoint(save(tensors, tmp_path), 48)
    captioner.model.eval()
    positions = tensors["visual_encoder.pos_embed"]
    weights = cubic_matrix(4, 6)
    grid = torch.einsum("yY,xX,YXc->yxc", weights, weights, positions[0, 1:].reshape(4, 4, -1))
    tensors["visual_encoder.pos_embed"] = torch.cat([positions[:, :1], grid.reshape(1, 36, -1)], 1)
    pixels = to_tensor(resize(read_picture(picture), 48))
    with torch.no_grad():
        states = encode_images(captioner, pixels[None])[0]
    expected = reference_image_states(tensors, pixels)
    torch.testing.assert_close(states, expected, rtol=1e-4, atol=1e-4)
    assert torch.equal(interpolated_positions(positions, 4), positions)


def test_all_wrong_tensors_are_named(tensors: Tensors, tmp_path: Path) -> None:
    missing = "text_decoder.bert.encoder.layer.1.crossattention.self.key.weight"
    reshaped = "visual_encoder.blocks.1.attn.qkv.bias"
    del tensors[missing]
    tensors[reshaped] = torch.zeros(7)
    tensors["visual_encoder.blocks.0.adapter.weight"] = torch.zeros(2)
    tensors["prompt_learner.bias"] = torch.zeros(2)
    with pytest.raises(InputError) as raised:
        convert_checkpoint(save(tensors, tmp_path), SIZE)
    message = str(raised.value)
    assert "model_base.pth" in message
    assert "(4)" in message
    assert f"{missing} is missing" in message
    assert f"{reshaped} has the shape (7,) instead of (384,)" in message
    assert "visual_encoder.blocks.0.adapter.weight is not expected" in message
    assert "prompt_learner.bias is not expected" in message


def without_decoder(tensors: Tensors) -> None:
    for name in [name for name in tensors if name.startswith("text_decoder.")]:
        del tensors[name]


def untied(tensors: Tensors) -> None:
    name = "text_decoder.cls.predictions.decoder.weight"
    tensors[name] = tensors[name] + 1


def fewer_words(tensors: Tensors) -> None:
    name = "text_decoder.bert.embeddings.word_embeddings.weight"
    tensors[name] = tensors[name][:-2]


def no_square(tensors: Tensors) -> None:
    name = "visual_encoder.pos_embed"
    tensors[name] = tensors[name][:, :-1]


@pytest.mark.parametrize(
    ("change", "size", "said"),
    [
        (without_decoder, SIZE, r"\(3\)(.|\n)*word_embeddings.weight is missing"),
        (untied, SIZE, "decoder.weight differs from .*word_embeddings"),
        (fewer_words, SIZE, f"{TOKENS - 2} tokens, but captioner.base.tokenizer has {TOKENS}"),
        (no_square, SIZE, "15 patches"),
        (lambda tensors: None, 36, "captioner.image_size = 36 is no multiple of its 8 pixels"),
    ],
)
def test_another_model_is_refused(
    change: Callable[[Tensors], None], size: int, said: str, tensors: Tensors, tmp_path: Path
) -> None:
    change(tensors)
    with pytest.raises(InputError, match=said):
        convert_checkpoint(save(tensors, tmp_path), size)


class RunsCode:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("as_zip", [True, False])
def test_a_checkpoint_that_runs_code_is_refused(
    as_zip: bool, tmp_path: Path, tensors: Tensors
) -> None:
    source = save(tensors, tmp_path)
    path = source.path
    code = RunsCode(tmp_path / "was here")
    write_checkpoint({"model": tensors, "config": code}, path, as_zip)
    with pytest.raises(InputError, match=r"model_base.pth: refused.*run code.*mkdir"):
        convert_checkpoint(replace(source, sha256=None), SIZE)
    assert not (tmp_path / "was here").exists()
    torch.load(path, weights_only=False)  # it would have, if it had been loaded otherwise
    assert (tmp_path / "was here").exists()


def test_torchs_older_file_format_holds_the_same(tmp_path: Path, tensors: Tensors) -> None:
    newer = convert_checkpoint(save(tensors, tmp_path), SIZE).model.state_dict()
    older = convert_checkpoint(save(tensors, tmp_path, as_zip=False), SIZE).model.state_dict()
    assert newer.keys() == older.keys()
    assert all(torch.equal(newer[name], older[name]) for name in newer)


@pytest.mark.parametrize("as_zip", [True, False])
def test_files_that_are_no_checkpoints_are_refused(
    as_zip: bool, tmp_path: Path, tensors: Tensors
) -> None:
    source = save(tensors, tmp_path, as_zip=as_zip)
    path, anything = source.path, replace(source, sha256=None)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"SHA-256.*download is incomplete"):
        convert_checkpoint(source, SIZE)
    with pytest.raises(InputError, match=r"refused.*damaged"):
        convert_checkpoint(anything, SIZE)
    path.write_text("<html>not found</html>")
    with pytest.raises(InputError, match=r"refused.*of another kind"):
        convert_checkpoint(anything, SIZE)
    torch.save(tensors, path)
    with pytest.raises(InputError, match="no tensors under the key 'model'"):
        convert_checkpoint(anything, SIZE)
    path.unlink()
    with pytest.raises(InputError, match="no such file"):
        convert_checkpoint(anything, SIZE)


def test_without_a_pinned_digest_it_is_printed(
    tmp_path: Path, tensors: Tensors, capsys: pytest.CaptureFixture[str]
) -> None:
    source = save(tensors, tmp_path)
    convert_checkpoint(replace(source, sha256=None), SIZE)
    assert str(source.sha256) in capsys.readouterr().out


def test_a_vocabulary_keeps_its_lines(tmp_path: Path) -> None:
    # One of BERT's words could be a character that str.splitlines ends a line at.
    (tmp_path / "vocab.txt").write_text("\n".join([*SPECIAL, "\u2028", "dog"]) + "\n")
    tokenizer = blip_tokenizer(tmp_path)
    ids = tokenizer.convert_tokens_to_ids(["dog", "[DEC]", "[ENC]"])
    assert (ids, len(tokenizer)) == ([6, 7, 8], 9)


def test_a_profile_with_a_bad_digest_is_refused(
    tmp_path: Path, tensors: Tensors, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = replace(save(tensors, tmp_path), sha256="abc")
    with pytest.raises(InvalidParams, match=r"captioner\.base\.sha256 = 'abc'"):
        obtained_by_the_stage(source, tmp_path, monkeypatch)

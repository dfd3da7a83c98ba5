"""The family that the documentation adds, as it is written there."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    CLIPVisionModel,
    GPT2Config,
    GPT2LMHeadModel,
)

from caption_curation.captioner import families
from caption_curation.captioner.bases.published import obtain_captioner
from caption_curation.captioner.model.captioner import Captioner, save_captioner
from caption_curation.captioner.model.family import CAPTIONERS
from caption_curation.captioner.model.transforms import resize
from caption_curation.pictures.reading import read_picture
from caption_curation.support.errors import InputError
from tests.captioner import every_family as family
from tests.captioner import tiny_models
from tests.captioner.every_family import SIDE
from tests.test_documented_commands import blocks

PAGE = "docs/how-to/own-captioner.md"
NAME = "clip_cap"


def tiny_parts(folder: Path) -> tuple[Path, Path]:
    """Folders of a CLIP and a GPT-2."""
    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    patches = {"image_size": SIDE, "patch_size": 8, "intermediate_size": 64}
    CLIPVisionModel(CLIPVisionConfig(**size, **patches, initializer_range=0.1)).save_pretrained(
        folder / "clip"
    )
    CLIPImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    ).save_pretrained(folder / "clip")
    end = "<|endoftext|>"
    tokenizer = tiny_models.byte_tokenizer(tiny_models.TEXTS, [end], eos_token=end, bos_token=end)
    tokenizer.save_pretrained(folder / "gpt2")
    width = {"n_positions": 64, "n_embd": 32, "n_layer": 1, "n_head": 2}
    GPT2LMHeadModel(
        GPT2Config(
            **width,
            vocab_size=len(tokenizer),
            initializer_range=0.1,
            bos_token_id=tokenizer.eos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    ).save_pretrained(folder / "gpt2")
    return folder / "clip", folder / "gpt2"


def test_the_documented_family_learns_and_captions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, assembly = [content for language, content in blocks(PAGE) if language == "python"]
    package = tmp_path / "families"
    package.mkdir()
    (package / f"{NAME}.py").write_text(module)
    base = tmp_path / "base"
    space: dict[str, Any] = {}
    with monkeypatch.context() as added:
        added.setattr(families, "__path__", [*families.__path__, str(package)])
        added.setitem(sys.modules, f"{families.__name__}.{NAME}", None)  # to be forgotten after
        del sys.modules[f"{families.__name__}.{NAME}"]
        exec(assembly, space)
        space["assemble"](*tiny_parts(tmp_path), base, prefix_length=4)
        assert CAPTIONERS.name(base) == NAME
        assert obtain_captioner(base, SIDE) == base
        with pytest.raises(InputError, match="image_size = 64: allowed: 32"):
            obtain_captioner(base, 64)
        learns_and_captions(base, tmp_path)
    with pytest.raises(InputError, match=r'model_type = "clip_cap": allowed are .* families blip'):
        obtain_captioner(base, SIDE)


def learns_and_captions(base: Path, folder: Path) -> None:
    world = family.make_world(folder / "world")
    captioner = family.load(NAME, base)
    before = family.score(NAME, captioner, world)
    for sample, loss in zip(world.samples, before, strict=True):
        total, tokens = loss_by_hand(captioner, sample.caption, world.files[sample.sample_id])
        assert loss.tokens == tokens
        assert loss.loss_sum == pytest.approx(total, rel=1e-4)
    first, optimizer = family.train(NAME, captioner, world)
    after = family.score(NAME, captioner, world)
    assert sum(loss.loss_sum for loss in after) < 0.9 * sum(loss.loss_sum for loss in before)
    more, _ = family.train(NAME, captioner, world, epochs=(2, 3, 4, 5, 6), optimizer=optimizer)
    assert more[-1] < first[0]
    save_captioner(captioner, folder / "trained")
    loaded = family.load(NAME, folder / "trained")
    assert family.score(NAME, loaded, world) == family.score(NAME, captioner, world)
    said = family.caption(NAME, loaded, [world.files["0#0"], world.files["1#0"]])
    assert all("wall" in caption for caption in said), said
    assert not any(caption.startswith("a picture of") for caption in said)


def loss_by_hand(captioner: Captioner, caption: str, file: Path) -> tuple[float, int]:
    """-log p of the caption's tokens and the end: one sample, no padding, numpy's softmax."""
    tokenizer, model = captioner.tokenizer, captioner.model
    prompt = tokenizer("a picture of", add_special_tokens=False).input_ids
    whole = tokenizer(f"a picture of {caption}", add_special_tokens=False).input_ids
    images = captioner.processor[0]
    pixels = images(resize(read_picture(file), SIDE), return_tensors="pt").pixel_values
    with torch.no_grad():
        image = model.clip(pixel_values=pixels).pooler_output
        prefix = model.mapping(image).reshape(1, 4, 32)
        words = model.gpt2.transformer.wte(torch.tensor([whole]))
        logits = model.gpt2(inputs_embeds=torch.cat([prefix, words], 1)).logits[0].double().numpy()
    targets = [*whole[len(prompt) :], tokenizer.eos_token_id]
    rows = logits[-len(targets) :]
    surprise = np.log(np.exp(rows).sum(1)) - rows[np.arange(len(targets)), targets]
    return float(surprise.sum()), len(targets)

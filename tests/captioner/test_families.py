"""The contract of a family, on a tiny random model of each kind of captioner."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from caption_curation.captioner.model.captioner import Captioner, save_captioner
from caption_curation.captioner.model.transforms import resize, to_tensor
from caption_curation.captioner.training.epoch import new_optimizer
from caption_curation.pictures.reading import read_picture
from tests.captioner import every_family as family
from tests.captioner.every_family import KINDS, SIDE, SMOOTHING, World
from tests.conftest import REPOSITORY

EVERY_KIND = pytest.mark.parametrize(
    "kind",
    [
        pytest.param(
            kind,
            marks=pytest.mark.skipif(
                not family.installed(kind), reason="needs torchvision and num2words"
            ),
        )
        for kind in KINDS
    ],
)


@pytest.fixture(scope="module")
def world(models: Path) -> World:
    return family.make_world(models / "world")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a folder of each kind that can be loaded here."""
    folder = tmp_path_factory.mktemp("models")
    for kind in KINDS:
        if family.installed(kind):
            family.build(kind, folder / kind)
    return folder


@EVERY_KIND
def test_epochs_lower_the_loss_and_captions_follow(kind: str, models: Path, world: World) -> None:
    captioner = family.load(kind, models / kind)
    before = family.score(kind, captioner, world)
    losses, optimizer = family.train(kind, captioner, world)
    after = family.score(kind, captioner, world)
    assert sum(loss.loss_sum for loss in after) < 0.9 * sum(loss.loss_sum for loss in before)
    more, _ = family.train(kind, captioner, world, epochs=(2, 3, 4, 5, 6), optimizer=optimizer)
    assert more[-1] < losses[0]
    said = family.caption(kind, captioner, [world.files["0#0"], world.files["1#0"]])
    assert all("wall" in caption for caption in said), said
    assert not any(caption.startswith("a picture of") for caption in said)


@EVERY_KIND
def test_losses_equal_an_independent_computation(kind: str, models: Path, world: World) -> None:
    captioner = family.load(kind, models / kind)
    for sample, loss in zip(world.samples, family.score(kind, captioner, world), strict=True):
        total, smoothed, tokens = losses_by_hand(
            kind, captioner, sample.caption, world.files[sample.sample_id]
        )
        assert loss.tokens == tokens
        assert loss.loss_sum == pytest.approx(total, rel=1e-4)
        assert loss.loss_mean == pytest.approx(total / tokens, rel=1e-4)
        assert loss.loss_sum_smoothed == pytest.approx(smoothed, rel=1e-4)
    assert len({round(loss.loss_sum, 4) for loss in family.score(kind, captioner, world)}) > 4


def losses_by_hand(
    kind: str, captioner: Captioner, caption: str, file: Path
) -> tuple[float, float, int]:
    """-log p of the caption's tokens and the end: one sample, no padding, numpy's softmax."""
    tokenizer, model = captioner.tokenizer, captioner.model
    image = resize(read_picture(file), SIDE)
    prompt = family.prompt_of(kind)

    def ids(text: str) -> list[int]:
        found: list[int] = tokenizer(text, add_special_tokens=False).input_ids
        return found

    said = ids(caption) if not prompt else ids(prompt + caption)[len(ids(prompt.strip())) :]
    opening = ids(prompt.strip()) if prompt else []
    inputs: dict[str, Any]
    if kind == "blip":
        end = tokenizer.sep_token_id
        inputs = {"pixel_values": to_tensor(image)[None]}
        before = [model.config.text_config.bos_token_id, *opening]
        inputs["input_ids"] = torch.tensor([[*before, *said]])
    elif kind == "vit_gpt2":
        end = tokenizer.eos_token_id
        images = captioner.processor.image_processor
        inputs = {"pixel_values": images(image, return_tensors="pt").pixel_values}
        inputs["decoder_input_ids"] = torch.tensor([[end, *opening, *said]])
    else:
        processor = captioner.processor.processor
        end = tokenizer.sep_token_id if kind == "git" else tokenizer.eos_token_id
        inputs = dict(processor(images=[image], text=[question(kind)], return_tensors="pt"))
        if kind == "florence2":
            inputs["decoder_input_ids"] = torch.tensor([[2, 0, *opening, *said]])
        else:
            if kind == "smolvlm":
                said = ids(" " + caption)  # as the chat template has it: "Assistant: …"
            asked = inputs.pop("input_ids")[0].tolist()
            if kind == "git":
                assert asked[-1] == end
                asked = asked[:-1]
            whole = [*asked, *opening, *said]
            inputs = {
                name: x for name, x in inputs.items() if not name.endswith("_mask") or x.ndim > 2
            }
            kinds = inputs.pop("token_type_ids", torch.zeros(1, 0))[0].tolist()
            inputs.pop("labels", None)
            if kind == "paligemma":
                # 0: looks ahead, which an answer does not
                inputs["token_type_ids"] = torch.tensor([kinds + [1] * (len(whole) - len(kinds))])
            if kind == "qwen2_vl":
                kinds = inputs["mm_token_type_ids"][0].tolist()
                inputs["mm_token_type_ids"] = torch.tensor(
                    [kinds + [0] * (len(whole) - len(kinds))]
                )
            inputs["input_ids"] = torch.tensor([whole])
    model.eval()
    with torch.no_grad():
        logits = model(**inputs).logits[0].double().numpy()
    targets = [*said, end]
    total = smoothed = 0.0
    for row, target in zip(logits[-len(targets) :], targets, strict=True):
        surprise = row.max() + np.log(np.exp(row - row.max()).sum()) - row
        total += surprise[target]
        smoothed += (1 - SMOOTHING) * surprise[target] + SMOOTHING * surprise.mean()
    return total, smoothed, len(targets)


def question(kind: str) -> str:
    """What each kind is asked, as its processor takes it."""
    return {
        "git": "",
        "blip_2": "",
        "smolvlm": "<|endoftext|>User:<image> describe it<end_of_utterance>\nAssistant:",
        "qwen2_vl": "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|>describe it"
        "<|im_end|>\n<|im_start|>assistant\n",
        "florence2": "<CAPTION>",
        "paligemma": "<image>caption en",
    }[kind]


@EVERY_KIND
def test_a_longer_neighbour_changes_nothing(kind: str, models: Path, world: World) -> None:
    captioner = family.load(kind, models / kind)
    longest = replace(world.samples[1], caption="a wall " * 9, sample_id="longest")
    files = {**world.files, "longest": world.files[world.samples[1].sample_id]}
    beside = replace(world, files=files)
    alone = family.score(kind, captioner, beside, world.samples[:1])[0]
    together = family.score(kind, captioner, beside, [world.samples[0], longest])[0]
    assert together.tokens == alone.tokens
    assert together.loss_sum == pytest.approx(alone.loss_sum, rel=1e-5)
    assert together.loss_sum_smoothed == pytest.approx(alone.loss_sum_smoothed, rel=1e-5)


@EVERY_KIND
def test_each_image_is_encoded_once(kind: str, models: Path, world: World) -> None:
    captioner = family.load(kind, models / kind)
    encoded = []
    # The first layer that sees pixels: a patch each.
    layer = next(module for module in captioner.model.modules() if isinstance(module, CONVOLUTIONS))
    layer.register_forward_hook(lambda module, inputs, output: encoded.append(len(inputs[0])))
    family.score(kind, captioner, world)
    patches = (SIDE // 8) ** 2 if kind == "qwen2_vl" else 1
    assert sum(encoded) == len(world.images) * patches


CONVOLUTIONS = (torch.nn.Conv2d, torch.nn.Conv3d)


@EVERY_KIND
def test_saved_and_loaded_it_trains_on_as_if_never_stopped(
    kind: str, models: Path, world: World, tmp_path: Path
) -> None:
    undisturbed = family.load(kind, models / kind)
    _, optimizer = family.train(kind, undisturbed, world)
    family.train(kind, undisturbed, world, epochs=(2,), optimizer=optimizer)
    save_captioner(undisturbed, tmp_path / "undisturbed")

    first = family.load(kind, models / kind)
    _, optimizer = family.train(kind, first, world)
    save_captioner(first, tmp_path / "first")
    second = family.load(kind, tmp_path / "first")
    for mine, theirs in zip(second.model.parameters(), first.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    again = new_optimizer(second, 0.05)
    again.load_state_dict(optimizer.state_dict())
    family.train(kind, second, world, epochs=(2,), optimizer=again)
    save_captioner(second, tmp_path / "2")
    names = sorted(path.name for path in (tmp_path / "2").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "undisturbed").iterdir())
    for name in names:
        assert (tmp_path / "2" / name).read_bytes() == (
            tmp_path / "undisturbed" / name
        ).read_bytes(), name


@EVERY_KIND
def test_killed_it_resumes_with_the_same_result(
    kind: str, models: Path, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = family.load(kind, models / kind)
    expected, _ = family.train(kind, undisturbed, world)

    checkpoints = family.Kept(None, 1, tmp_path)  # type: ignore[arg-type]
    killed = family.load(kind, models / kind)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        family.kill_at_a_checkpoint(patched)
        family.train(kind, killed, world, checkpoints=checkpoints)
    resumed = family.load(kind, models / kind)
    found, _ = family.train(kind, resumed, world, checkpoints=checkpoints)
    assert found == expected
    for mine, theirs in zip(
        resumed.model.parameters(), undisturbed.model.parameters(), strict=True
    ):
        assert torch.equal(mine, theirs)


# A decoder that reads pictures as its own tokens, and one beside an encoder.
ADAPTERS = [f"{kind}{family.ADAPTED}" for kind in ("git", "vit_gpt2")]


@pytest.fixture(scope="module")
def outcomes(models: Path, world: World) -> tuple[Path, Path]:
    """What one process makes of all kinds, and what two make together."""
    names = [kind for kind in KINDS if family.installed(kind)] + ADAPTERS
    alone, together = models / "alone", models / "together"
    family.work({name: family.load_named(name, models) for name in names}, world, alone)
    paths = [str(REPOSITORY), str(REPOSITORY / "src"), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "tests.captioner.every_family", str(models), str(together), *names],
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "CUDA_VISIBLE_DEVICES": "",
            "OMP_NUM_THREADS": "1",  # threads do not survive a fork
            "TOKENIZERS_PARALLELISM": "false",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return alone, together


@pytest.mark.parametrize("kind", [*EVERY_KIND.args[1], *ADAPTERS])
def test_two_processes_give_what_one_gives(kind: str, outcomes: tuple[Path, Path]) -> None:
    alone, together = (json.loads((folder / f"{kind}.json").read_text()) for folder in outcomes)
    assert together["training"] == pytest.approx(alone["training"], rel=1e-4)
    assert together["sums"] == pytest.approx(alone["sums"], rel=1e-2)
    moments = [load_file(folder / f"{kind}.safetensors") for folder in outcomes]
    assert moments[0].keys() == moments[1].keys()
    squares = difference = 0.0
    for name, value in moments[0].items():
        if name.endswith("exp_avg"):
            squares += float(value.square().sum())
            difference += float((value - moments[1][name]).square().sum())
    assert math.sqrt(difference / squares) < 0.02

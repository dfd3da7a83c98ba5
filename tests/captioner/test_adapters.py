"""Adapters: the base stays as it is, and what is trained, saved and loaded is the adapter alone."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from caption_curation import paths
from caption_curation.captioner.model.adapters import (
    check_adapter,
    merged,
    new_adapter,
)
from caption_curation.captioner.model.captioner import (
    Captioner,
    save_captioner,
)
from caption_curation.captioner.training.epoch import new_optimizer
from caption_curation.config.profile import Adapter
from caption_curation.support.errors import InputError
from tests.captioner import every_family as family
from tests.captioner.every_family import World

TARGETS = {
    "blip": ["query", "value"],
    "git": ["query", "value"],
    "blip_2": ["q_proj", "v_proj"],
    "smolvlm": ["q_proj", "v_proj"],
    "qwen2_vl": ["q_proj", "v_proj"],
    "florence2": ["q_proj", "v_proj"],
    "paligemma": ["q_proj", "v_proj"],
    "vit_gpt2": ["c_attn"],
}
KINDS = pytest.mark.parametrize(
    "kind",
    [
        pytest.param(
            kind,
            marks=pytest.mark.skipif(
                not family.installed(kind), reason="needs torchvision and num2words"
            ),
        )
        for kind in TARGETS
    ],
)
FILES = ["adapter_config.json", "adapter_model.safetensors", "base.json"]


def settings(kind: str, **other: Any) -> Adapter:
    values: dict[str, Any] = {
        "rank": 4,
        "alpha": 8.0,
        "dropout": 0.1,
        "target_modules": TARGETS[kind],
    }
    return Adapter(**(values | other))


def adapted(kind: str, **other: Any) -> Captioner:
    base = paths.captioner(0)
    return new_adapter(family.load(kind, base), settings(kind, **other), base, seed=0)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A project's folder, to which the base is relative."""
    monkeypatch.chdir(tmp_path)
    return family.make_world(tmp_path / "world")


@KINDS
def test_an_adapter_learns_and_is_all_that_changes(kind: str, world: World) -> None:
    family.build(kind, paths.captioner(0))
    plain = family.load(kind, paths.captioner(0))
    before = family.score(kind, plain, world)
    captioner = adapted(kind)
    assert [loss.loss_sum for loss in family.score(kind, captioner, world)] == pytest.approx(
        [loss.loss_sum for loss in before], rel=1e-6
    )
    trained = [name for name, value in captioner.model.named_parameters() if value.requires_grad]
    assert trained
    assert all(".lora_" in name for name in trained)
    family.train(kind, captioner, world, epochs=(1, 2))
    after = family.score(kind, captioner, world)
    assert sum(loss.loss_sum for loss in after) < sum(loss.loss_sum for loss in before)

    save_captioner(captioner, paths.captioner(1))
    assert sorted(file.name for file in paths.captioner(1).iterdir()) == FILES
    loaded = family.load(kind, paths.captioner(1))
    assert family.score(kind, loaded, world) == after
    assert loaded.model.config.model_type == plain.model.config.model_type
    said = family.caption(kind, loaded, [world.files["0#0"]])
    assert said == family.caption(kind, captioner, [world.files["0#0"]])
    weights = {name.replace(".base_layer", ""): x for name, x in loaded.model.named_parameters()}
    for name, value in plain.model.named_parameters():
        assert torch.equal(weights[name], value), name

    save_captioner(merged(loaded), Path("merged"))
    assert not set(FILES) & {file.name for file in Path("merged").iterdir()}
    whole = family.load(kind, Path("merged"))
    assert whole.adapter is None
    assert whole.model.state_dict().keys() == plain.model.state_dict().keys()
    for mine, theirs in zip(family.score(kind, whole, world), after, strict=True):
        assert mine.loss_sum == pytest.approx(theirs.loss_sum, rel=1e-5)


@KINDS
def test_from_epoch_to_epoch_equals_never_stopping(kind: str, world: World) -> None:
    family.build(kind, paths.captioner(0))
    undisturbed = adapted(kind)
    family.train(kind, undisturbed, world, epochs=(1, 2))
    save_captioner(undisturbed, Path("undisturbed"))

    first = adapted(kind)
    _, optimizer = family.train(kind, first, world)
    save_captioner(first, paths.captioner(1))
    second = family.load(kind, paths.captioner(1))
    check_adapter(second, settings(kind))
    again = new_optimizer(second, 0.05)
    again.load_state_dict(optimizer.state_dict())
    family.train(kind, second, world, epochs=(2,), optimizer=again)
    save_captioner(second, paths.captioner(2))
    for name in FILES:
        assert (paths.captioner(2) / name).read_bytes() == (
            Path("undisturbed") / name
        ).read_bytes(), name


def test_peft_reads_what_is_saved(world: World) -> None:
    from peft import PeftModel

    base = family.build("git", paths.captioner(0))
    captioner = adapted("git")
    family.train("git", captioner, world)
    save_captioner(captioner, paths.captioner(1))
    expected = family.score("git", captioner, world)
    plain = family.load("git", base)
    PeftModel.from_pretrained(plain.model, str(paths.captioner(1)))  # in place
    assert family.score("git", plain, world) == expected


def test_a_target_that_is_nowhere_is_refused_with_what_there_is(world: World) -> None:
    family.build("git", paths.captioner(0))
    with pytest.raises(InputError) as raised:
        adapted("git", target_modules=["query", "q", "embeddings"])
    assert "adapter.target_modules = ['embeddings', 'q', 'query']" in str(raised.value)
    assert "no linear layer embeddings or q; it has 0, dense, fc1, " in str(raised.value)


def test_what_would_change_another_layer_is_not_merged(world: World) -> None:
    # GPT-2's embedding of words is its last layer too.
    family.build("vit_gpt2", paths.captioner(0))
    captioner = adapted("vit_gpt2", target_modules=["c_attn", "lm_head"])
    with pytest.raises(InputError, match=r"lm_head: its weight is another layer's too"):
        merged(captioner)


def test_another_base_is_refused(world: World) -> None:
    family.build("git", paths.captioner(0))
    save_captioner(adapted("git"), paths.captioner(1))
    config = paths.captioner(0) / "config.json"
    config.write_text(config.read_text() + "\n")
    with pytest.raises(InputError, match="an adapter of another base model"):
        family.load("git", paths.captioner(1))
    shutil.rmtree(paths.captioner(0))
    with pytest.raises(InputError, match=r"data/epochs/0/captioner, which is not there"):
        family.load("git", paths.captioner(1))


def test_a_damaged_adapter_is_refused(world: World) -> None:
    family.build("git", paths.captioner(0))
    save_captioner(adapted("git"), paths.captioner(1))
    file = paths.captioner(1) / "adapter_config.json"
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | {"r": 2}))
    with pytest.raises(InputError, match=r"tensors are not those of adapter_config\.json"):
        family.load("git", paths.captioner(1))


def test_to_go_on_with_other_settings_is_refused(world: World) -> None:
    family.build("git", paths.captioner(0))
    plain = family.load("git", paths.captioner(0))
    check_adapter(plain, None)
    with pytest.raises(InputError, match="the last epoch left a whole model"):
        check_adapter(plain, settings("git"))
    captioner = adapted("git")
    check_adapter(captioner, settings("git"))
    with pytest.raises(InputError, match="the last epoch left an adapter"):
        check_adapter(captioner, None)
    with pytest.raises(InputError, match=r"the last epoch's is \(4, 8"):
        check_adapter(captioner, settings("git", rank=2))


@pytest.mark.parametrize("frozen", [True, False])
def test_what_should_not_be_trained_is_an_error(world: World, frozen: bool) -> None:
    family.build("git", paths.captioner(0))
    captioner = adapted("git")
    for name, value in captioner.model.named_parameters():
        if (".lora_" in name) == frozen:
            value.requires_grad = not frozen
            break
    with pytest.raises(InputError, match=r"1 of its|1 of the base would be trained"):
        check_adapter(captioner, settings("git"))


def test_the_adapter_is_small(world: World) -> None:
    family.build("git", paths.captioner(0))
    save_captioner(adapted("git"), paths.captioner(1))
    tensors = load_file(paths.captioner(1) / "adapter_model.safetensors")
    assert all(".lora_" in name for name in tensors)

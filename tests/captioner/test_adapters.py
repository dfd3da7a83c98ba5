"""Adapters: the base stays as it is, and what is trained, saved and loaded is the adapter alone."""

import copy
import json
import shutil
from collections.abc import Callable
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
from caption_curation.support.errors import InputError
from tests.captioner import every_family as family
from tests.captioner.every_family import World

KINDS = pytest.mark.parametrize(
    "kind",
    [
        pytest.param(
            kind,
            marks=pytest.mark.skipif(
                not family.installed(kind), reason="needs torchvision and num2words"
            ),
        )
        for kind in family.TARGETS
    ],
)
FILES = ["adapter_config.json", "adapter_model.safetensors", "base.json"]


def adapted(kind: str, **other: Any) -> Captioner:
    base = paths.captioner(0)
    return new_adapter(family.load(kind, base), family.adapter_of(kind, **other), base, seed=0)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a folder of each kind that was asked for."""
    return tmp_path_factory.mktemp("bases")


@pytest.fixture
def base(bases: Path, world: World) -> Callable[[str], Path]:
    """What puts a model of a kind where a project has its base captioner."""

    def put(kind: str) -> Path:
        if not (bases / kind).is_dir():
            family.build(kind, bases / kind)
        shutil.copytree(bases / kind, paths.captioner(0))
        return paths.captioner(0)

    return put


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A project's folder, to which the base is relative."""
    monkeypatch.chdir(tmp_path)
    return family.make_world(tmp_path / "world")


@KINDS
def test_an_adapter_learns_and_is_all_that_changes(
    kind: str, base: Callable[[str], Path], world: World
) -> None:
    plain = family.load(kind, base(kind))
    before = family.score(kind, plain, world)
    captioner = adapted(kind)
    assert [loss.loss_sum for loss in family.score(kind, captioner, world)] == pytest.approx(
        [loss.loss_sum for loss in before], rel=1e-6
    )
    trained = [name for name, value in captioner.model.named_parameters() if value.requires_grad]
    assert trained
    assert all(".lora_" in name for name in trained)
    _, optimizer = family.train(kind, captioner, world)
    save_captioner(captioner, paths.captioner(1))
    state = copy.deepcopy(optimizer.state_dict())
    family.train(kind, captioner, world, epochs=(2,), optimizer=optimizer)
    after = family.score(kind, captioner, world)
    assert sum(loss.loss_sum for loss in after) < sum(loss.loss_sum for loss in before)
    save_captioner(captioner, paths.captioner(2))
    assert sorted(file.name for file in paths.captioner(2).iterdir()) == FILES

    # From the first epoch's files the second gives the same.
    second = family.load(kind, paths.captioner(1))
    check_adapter(second, family.adapter_of(kind))
    again = new_optimizer(second, 0.05)
    again.load_state_dict(state)
    family.train(kind, second, world, epochs=(2,), optimizer=again)
    save_captioner(second, Path("again"))
    for name in FILES:
        assert (Path("again") / name).read_bytes() == (paths.captioner(2) / name).read_bytes()

    loaded = family.load(kind, paths.captioner(2))
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


@pytest.mark.parametrize("kind", ["blip", "git", "vit_gpt2"])
def test_killed_it_resumes_with_the_same_adapter(
    kind: str, base: Callable[[str], Path], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    base(kind)
    undisturbed = adapted(kind)
    expected, _ = family.train(kind, undisturbed, world)
    checkpoints = family.Kept(None, 1, Path("checkpoint"))  # type: ignore[arg-type]
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        family.kill_at_a_checkpoint(patched)
        family.train(kind, adapted(kind), world, checkpoints=checkpoints)
    resumed = adapted(kind)
    assert any(Path("checkpoint").iterdir())
    found, _ = family.train(kind, resumed, world, checkpoints=checkpoints)
    assert found == expected
    save_captioner(undisturbed, paths.captioner(1))
    save_captioner(resumed, paths.captioner(2))
    for name in FILES:
        assert (paths.captioner(1) / name).read_bytes() == (paths.captioner(2) / name).read_bytes()


def test_peft_reads_what_is_saved(base: Callable[[str], Path], world: World) -> None:
    from peft import PeftModel

    at = base("git")
    captioner = adapted("git")
    family.train("git", captioner, world)
    save_captioner(captioner, paths.captioner(1))
    expected = family.score("git", captioner, world)
    plain = family.load("git", at)
    PeftModel.from_pretrained(plain.model, str(paths.captioner(1)))  # in place
    assert family.score("git", plain, world) == expected


def test_a_target_that_is_nowhere_is_refused_with_what_there_is(
    base: Callable[[str], Path], world: World
) -> None:
    base("git")
    with pytest.raises(InputError) as raised:
        adapted("git", target_modules=["query", "q", "embeddings"])
    assert "adapter.target_modules = ['embeddings', 'q', 'query']" in str(raised.value)
    assert "no linear layer embeddings or q; it has 0, dense, fc1, " in str(raised.value)


def test_what_would_change_another_layer_is_not_merged(
    base: Callable[[str], Path], world: World
) -> None:
    # GPT-2's embedding of words is its last layer too.
    base("vit_gpt2")
    captioner = adapted("vit_gpt2", target_modules=["c_attn", "lm_head"])
    with pytest.raises(InputError, match=r"lm_head: its weight is another layer's too"):
        merged(captioner)


def test_another_base_is_refused(base: Callable[[str], Path], world: World) -> None:
    base("git")
    save_captioner(adapted("git"), paths.captioner(1))
    config = paths.captioner(0) / "config.json"
    config.write_text(config.read_text() + "\n")
    with pytest.raises(InputError, match="an adapter of another base model"):
        family.load("git", paths.captioner(1))
    shutil.rmtree(paths.captioner(0))
    with pytest.raises(InputError, match=r"data/epochs/0/captioner, which is not there"):
        family.load("git", paths.captioner(1))


def test_a_damaged_adapter_is_refused(base: Callable[[str], Path], world: World) -> None:
    base("git")
    save_captioner(adapted("git"), paths.captioner(1))
    file = paths.captioner(1) / "adapter_config.json"
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | {"r": 2}))
    with pytest.raises(InputError, match=r"tensors are not those of adapter_config\.json"):
        family.load("git", paths.captioner(1))


def test_to_go_on_with_other_settings_is_refused(base: Callable[[str], Path], world: World) -> None:
    base("git")
    plain = family.load("git", paths.captioner(0))
    check_adapter(plain, None)
    with pytest.raises(InputError, match="the last epoch left a whole model"):
        check_adapter(plain, family.adapter_of("git"))
    captioner = adapted("git")
    check_adapter(captioner, family.adapter_of("git"))
    with pytest.raises(InputError, match="the last epoch left an adapter"):
        check_adapter(captioner, None)
    with pytest.raises(InputError, match=r"the last epoch's is \(4, 8"):
        check_adapter(captioner, family.adapter_of("git", rank=2))


@pytest.mark.parametrize("frozen", [True, False])
def test_what_should_not_be_trained_is_an_error(
    base: Callable[[str], Path], world: World, frozen: bool
) -> None:
    base("git")
    captioner = adapted("git")
    for name, value in captioner.model.named_parameters():
        if (".lora_" in name) == frozen:
            value.requires_grad = not frozen
            break
    with pytest.raises(InputError, match=r"1 of its|1 of the base would be trained"):
        check_adapter(captioner, family.adapter_of("git"))


def test_the_adapter_is_small(base: Callable[[str], Path], world: World) -> None:
    base("git")
    save_captioner(adapted("git"), paths.captioner(1))
    tensors = load_file(paths.captioner(1) / "adapter_model.safetensors")
    assert all(".lora_" in name for name in tensors)

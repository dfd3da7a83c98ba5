"""Fine-tuning families other than Stable Diffusion, and low-rank adapters of all that learn."""

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from caption_curation.config.profile import GeneratorAdapter, GeneratorFineTuning
from caption_curation.experiments.planning.model_bytes import DENOISER_FILES, trained_bytes
from caption_curation.model_files import weights_digest
from caption_curation.samples import read_images
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.adapters import ADAPTER, fuse_adapter
from caption_curation.text_to_image.bases.published import copy_published
from caption_curation.text_to_image.family import GENERATORS
from caption_curation.text_to_image.fine_tuning import training
from caption_curation.text_to_image.fine_tuning.latent_files import encode_corpus, encode_images
from caption_curation.text_to_image.fine_tuning.training import fine_tune
from tests.compute.test_several_processes import environment
from tests.conftest import TinyCorpus
from tests.text_to_image.test_fine_tuning import die_after_step_4
from tests.text_to_image.tiny_generators import SIZE, write_generator

CPU = torch.device("cpu")
MODULES = {
    "stable_diffusion": ["to_q", "to_k", "to_v", "to_out.0"],
    "stable_diffusion_xl": ["to_q", "to_k", "to_v", "to_out.0"],
    "stable_diffusion_3": ["attn.to_q", "attn.to_k", "attn.to_v", "attn.to_out.0"],
}
FAMILIES = pytest.mark.parametrize("family", MODULES)


def settings(family: str, **changes: Any) -> GeneratorFineTuning:
    return GeneratorFineTuning.model_validate(
        {
            "steps": 6,
            "batch_size": 4,
            "learning_rate": 0.01,
            "adapter": {"rank": 4, "alpha": 4.0, "target_modules": MODULES[family]},
            "warmup_steps": 2,
            "schedule": "constant",
            "ema_decay": 0.5,
            "gradient_clipping": 1.0,
            "caption_dropout": 0.1,
            "prompt_mode": "mixed",
            "prompt_joining": "verbatim",
            **changes,
        }
    )


def tune(
    base: Path, target: Path, corpus: TinyCorpus, family: str, checkpoints: Path, **changes: Any
) -> Path:
    latents = target.with_name(f"{target.name}.latents")
    encode_corpus(base, corpus.files, latents, image_size=SIZE, device=CPU)
    fine_tune(
        base,
        target,
        read_images(corpus.folder / "train.jsonl"),
        latents,
        settings(family, **changes),
        seed=0,
        device=CPU,
        checkpoints=checkpoints,
        checkpoint_steps=2,
    )
    return target


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A base generator of each family."""
    folder = tmp_path_factory.mktemp("bases")
    for family in MODULES:
        copy_published(write_generator(family, folder / "theirs" / family), folder / family)
    return {family: folder / family for family in MODULES}


def loss_on_corpus(folder: Path, corpus: TinyCorpus) -> float:
    """Mean loss over the corpus at fixed noise of every strength."""
    trainable = training._load(folder, CPU)
    if (folder / ADAPTER).is_file():
        fuse_adapter(trainable.network, folder / ADAPTER)
    images = read_images(corpus.folder / "train.jsonl")
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        moments = trainable.latent_moments(corpus.files * 8, SIZE)
        latents = trainable.sample_latents(
            moments, torch.randn(moments.chunk(2, dim=1)[0].shape, generator=rng)
        )
        loss = trainable.objective(
            latents,
            trainable.conditions([image.captions[0] for image in images] * 8),
            torch.linspace(20, 980, len(latents)).long(),
            torch.randn(latents.shape, generator=rng),
        )
    return float(loss)


def changed_files(base: Path, tuned: Path) -> set[str]:
    return {
        path.relative_to(tuned).as_posix()
        for path in tuned.rglob("*")
        if path.is_file()
        and not (
            (base / path.relative_to(tuned)).exists()
            and path.read_bytes() == (base / path.relative_to(tuned)).read_bytes()
        )
    }


# ---------------------------------------------------------------------------- learning


@FAMILIES
def test_an_adapter_learns_and_leaves_the_base_as_it_is(
    family: str, bases: dict[str, Path], tiny_corpus: TinyCorpus, tmp_path: Path
) -> None:
    base = bases[family]
    tuned = tune(base, tmp_path / "tuned", tiny_corpus, family, tmp_path / "none", steps=60)
    before, after = loss_on_corpus(base, tiny_corpus), loss_on_corpus(tuned, tiny_corpus)
    assert after < 0.97 * before
    assert changed_files(base, tuned) == {ADAPTER, "digest.json"}
    digest = json.loads((tuned / "digest.json").read_text())["sha256"]
    assert digest == weights_digest(tuned) != weights_digest(base)
    names = load_file(tuned / ADAPTER)
    of_network = [file for pattern in DENOISER_FILES for file in base.glob(pattern)]
    planned = trained_bytes(of_network, settings(family).adapter)
    assert planned == sum(value.nbytes for value in names.values())
    part = "transformer." if family == "stable_diffusion_3" else "unet."
    assert all(name.startswith(part) and ".lora_" in name for name in names)


def draw(family: str, folder: Path) -> list[Image.Image | None]:
    module = GENERATORS.load(family)
    drawn: list[Image.Image | None] = module.generate(
        module.load_generator(folder, sampler="native"),
        ["a red picture", "all of it is blue"],
        [1, 2],
        in_windows=[False, False],
        steps=3,
        guidance=2.0,
        negative_prompt="blue",
        size=(SIZE, SIZE),
        pad_to=1,
    )
    return drawn


@FAMILIES
def test_images_with_an_adapter_are_those_that_diffusers_draws_with_it(
    family: str, bases: dict[str, Path], tiny_corpus: TinyCorpus, tmp_path: Path
) -> None:
    import diffusers

    tuned = tune(
        bases[family], tmp_path / "tuned", tiny_corpus, family, tmp_path / "none", steps=30
    )
    ours = np.stack([np.asarray(image, np.int16) for image in draw(family, tuned)])
    without = np.stack([np.asarray(image, np.int16) for image in draw(family, bases[family])])
    assert np.abs(ours - without).max() > 5
    pipeline = getattr(diffusers, GENERATORS.load(family).PIPELINE).from_pretrained(
        bases[family], dtype=torch.float32
    )
    pipeline.load_lora_weights(tuned / "adapter")
    theirs = pipeline(
        ["a red picture", "all of it is blue"],
        negative_prompt=["blue", "blue"],
        generator=[torch.Generator().manual_seed(seed) for seed in (1, 2)],
        num_inference_steps=3,
        guidance_scale=2.0,
        width=SIZE,
        height=SIZE,
    ).images
    expected = np.stack([np.asarray(image, np.int16) for image in theirs])
    assert np.abs(ours - expected).max() <= 1  # the product is added to the weights, or apart


@pytest.mark.parametrize("family", ["stable_diffusion_xl", "stable_diffusion_3"])
def test_the_whole_network_of_a_family_learns(
    family: str, bases: dict[str, Path], tiny_corpus: TinyCorpus, tmp_path: Path
) -> None:
    base = bases[family]
    tuned = tune(
        base, tmp_path / "tuned", tiny_corpus, family, tmp_path / "none", adapter=None, steps=40
    )
    assert loss_on_corpus(tuned, tiny_corpus) < 0.9 * loss_on_corpus(base, tiny_corpus)
    part = "transformer" if family == "stable_diffusion_3" else "unet"
    weights = f"{part}/diffusion_pytorch_model.safetensors"
    assert changed_files(base, tuned) == {weights, "digest.json"}
    assert all(draw(family, tuned))


@FAMILIES
def test_without_steps_the_base_is_used_as_it_is(
    family: str, bases: dict[str, Path], tiny_corpus: TinyCorpus, tmp_path: Path
) -> None:
    tuned = tune(bases[family], tmp_path / "tuned", tiny_corpus, family, tmp_path / "none", steps=0)
    assert weights_digest(tuned) == weights_digest(bases[family])


def test_a_flow_is_learnt_on_straight_paths(bases: dict[str, Path]) -> None:
    """The loss, computed with diffusers' own schedule one image at a time."""
    trainable = training._load(bases["stable_diffusion_3"], CPU)
    from diffusers import FlowMatchEulerDiscreteScheduler

    flow = FlowMatchEulerDiscreteScheduler(shift=3.0)
    rng = torch.Generator().manual_seed(3)
    latents, noise = torch.randn(2, 5, 4, 8, 8, generator=rng)
    conditions = trainable.conditions(["a red picture"] * 5)
    uniform = [0, 250, 499, 760, 999]
    found = trainable.objective(latents, conditions, torch.tensor(uniform), noise)
    losses = []
    for row, number in enumerate(uniform):
        share = 1 / (1 + math.exp(-NormalDist().inv_cdf((number + 0.5) / 1000)))
        at = flow.timesteps[min(int(share * 1000), 999)][None]
        one, its_noise = latents[row : row + 1], noise[row : row + 1]
        noisy = flow.scale_noise(one, at, its_noise)
        with torch.no_grad():
            velocity = trainable.network(
                hidden_states=noisy,
                timestep=at,
                encoder_hidden_states=conditions[0][:1],
                pooled_projections=conditions[1][:1],
            ).sample
        losses.append(((velocity - (its_noise - one)) ** 2).mean())
    torch.testing.assert_close(found, torch.stack(losses).mean())


def test_no_caption_is_told_as_no_prompt_is_when_drawing(bases: dict[str, Path]) -> None:
    trainable = training._load(bases["stable_diffusion_xl"], CPU)
    states, pooled = trainable.conditions(["", "a red picture"])
    assert not states[0].any() and not pooled[0].any()
    assert states[1].any() and pooled[1].any()


# ------------------------------------------------------------------- what can go wrong


@FAMILIES
def test_a_killed_run_goes_on_to_the_same_adapter(
    family: str,
    bases: dict[str, Path],
    tiny_corpus: TinyCorpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = bases[family]
    undisturbed = tune(base, tmp_path / "undisturbed", tiny_corpus, family, tmp_path / "a")
    with monkeypatch.context() as patched:
        die_after_step_4(patched)
        with pytest.raises(KeyboardInterrupt):
            tune(base, tmp_path / "killed", tiny_corpus, family, tmp_path / "b")
    (checkpoint,) = (tmp_path / "b").iterdir()
    assert all(
        ".lora_" in name for name in load_file(checkpoint) if name.startswith("unet.")
    )  # what is frozen is not written
    killed = tune(base, tmp_path / "killed", tiny_corpus, family, tmp_path / "b")
    assert (killed / ADAPTER).read_bytes() == (undisturbed / ADAPTER).read_bytes()


def test_modules_that_are_not_there_are_all_named(
    bases: dict[str, Path], tiny_corpus: TinyCorpus, tmp_path: Path
) -> None:
    adapter = GeneratorAdapter(rank=2, alpha=2.0, target_modules=["to_q", "to_x", "query"])
    with pytest.raises(InputError) as caught:
        tune(
            bases["stable_diffusion_xl"],
            tmp_path / "tuned",
            tiny_corpus,
            "stable_diffusion_xl",
            tmp_path / "none",
            adapter=adapter,
        )
    message = str(caught.value)
    assert "target_modules" in message and "UNet2DConditionModel" in message
    assert "'to_x'" in message and "'query'" in message and "'to_q'" not in message
    assert "to_out.0" in message.splitlines()[-1]
    assert not (tmp_path / "tuned").exists()


def test_an_adapter_of_another_network_is_refused(
    bases: dict[str, Path], tiny_corpus: TinyCorpus, tmp_path: Path
) -> None:
    tuned = tune(
        bases["stable_diffusion_xl"], tmp_path / "tuned", tiny_corpus, "stable_diffusion_xl",
        tmp_path / "none", steps=1,
    )  # fmt: skip
    other = shutil.copytree(bases["stable_diffusion_3"], tmp_path / "other")
    (other / "adapter").mkdir()
    shutil.copy(tuned / ADAPTER, other / ADAPTER)
    with pytest.raises(InputError, match=r"pytorch_lora_weights\.safetensors: it is damaged, or"):
        draw("stable_diffusion_3", other)
    (other / ADAPTER).write_bytes((tuned / ADAPTER).read_bytes()[:-50])
    with pytest.raises(InputError, match=r"pytorch_lora_weights\.safetensors: it is damaged, or"):
        draw("stable_diffusion_3", other)
    with pytest.raises(InputError, match="cannot be the base of another"):
        copy_published(tuned, tmp_path / "base")


# ------------------------------------------------------------------------ two processes


def tune_from_files(base: Path, target: Path, corpus: Path) -> None:
    """Fine-tune an adapter with latents that are read from files; run by several processes."""
    from caption_curation.compute.process_group import init_process_group
    from caption_curation.text_to_image.fine_tuning.inputs import TrainingInputs

    init_process_group()
    TrainingInputs.__init__.__defaults__ = (0,)
    encode_images.__defaults__ = (0,)
    files = [corpus / "images" / f"{name}.png" for name in ("red", "green", "blue", "white")]
    tune(
        base, target, TinyCorpus(corpus, dict.fromkeys(file.stem for file in files)),  # type: ignore[arg-type]
        "stable_diffusion_3", target.with_name(f"{target.name}.checkpoints"),
    )  # fmt: skip


def test_two_processes_train_the_adapter_of_one(
    bases: dict[str, Path],
    tiny_corpus: TinyCorpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from caption_curation.text_to_image.fine_tuning.inputs import TrainingInputs

    base = bases["stable_diffusion_3"]
    monkeypatch.setattr(TrainingInputs.__init__, "__defaults__", (0,))
    monkeypatch.setattr(encode_images, "__defaults__", (0,))
    tune_from_files(base, tmp_path / "alone", tiny_corpus.folder)
    launch = (
        "-m accelerate.commands.accelerate_cli launch --multi_gpu --num_processes 2 "
        "--num_machines 1 --mixed_precision no --dynamo_backend no --main_process_port 0 "
        "-m tests.text_to_image.test_adapters"
    )
    subprocess.run(
        [sys.executable, *launch.split(), base, tmp_path / "together", tiny_corpus.folder],
        env=environment() | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
        check=True,
    )
    alone, together = (load_file(tmp_path / name / ADAPTER) for name in ("alone", "together"))
    assert alone.keys() == together.keys()
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, atol=1e-3, rtol=1e-2)


if __name__ == "__main__":
    tune_from_files(*map(Path, sys.argv[1:]))

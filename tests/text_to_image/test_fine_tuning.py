"""Fine-tuning a generator: what a step trains on, what it learns, and going on after a kill."""

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.utils._python_dispatch import TorchDispatchMode

from caption_curation.config.profile import GeneratorFineTuning
from caption_curation.model_files import weights_digest
from caption_curation.samples import CaptionedImage, read_images
from caption_curation.support.errors import InputError, NonFiniteLoss
from caption_curation.text_to_image.fine_tuning import checkpoints as training_checkpoints
from caption_curation.text_to_image.fine_tuning import latent_files
from caption_curation.text_to_image.fine_tuning import training as generator_training
from caption_curation.text_to_image.fine_tuning.inputs import TrainingInputs
from caption_curation.text_to_image.fine_tuning.latent_files import (
    Latents,
    encode_corpus,
    encode_images,
)
from caption_curation.text_to_image.fine_tuning.recipe import batch_at, learning_rate
from caption_curation.text_to_image.fine_tuning.training import fine_tune
from caption_curation.text_to_image.objectives import denoising_loss
from caption_curation.text_to_image.trainable import Trainable
from tests.conftest import TinyCorpus

CPU = torch.device("cpu")
SETTINGS = GeneratorFineTuning(
    steps=6,
    batch_size=4,
    learning_rate=0.003,
    adapter=None,
    warmup_steps=2,
    schedule="cosine",
    ema_decay=0.9,
    gradient_clipping=1.0,
    caption_dropout=0.1,
    prompt_mode="mixed",
    prompt_joining="verbatim",
)
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


def settings(**changes: Any) -> GeneratorFineTuning:
    return SETTINGS.model_copy(update=changes)


def tune(
    base: Path, target: Path, corpus: TinyCorpus, checkpoints: Path, seed: int = 0, **changes: Any
) -> None:
    latents = target.with_name(f"{target.name}.latents")
    encode_corpus(base, corpus.files, latents, image_size=32, device=CPU)
    fine_tune(
        base,
        target,
        read_images(corpus.folder / "train.jsonl"),
        latents,
        settings(**changes),
        seed=seed,
        device=CPU,
        checkpoints=checkpoints,
        checkpoint_steps=2,
    )


def with_prediction(base: Path, folder: Path, prediction: str) -> Path:
    """A copy of a model whose denoiser is said to predict something else."""
    shutil.copytree(base, folder)
    file = folder / "scheduler" / "scheduler_config.json"
    config = json.loads(file.read_text()) | {
        "prediction_type": prediction,
        "rescale_betas_zero_snr": False,
    }
    file.write_text(json.dumps(config))
    return folder


def loss_on_corpus(folder: Path, corpus: TinyCorpus) -> float:
    """Mean loss over the corpus at fixed noise of every strength but the very last."""
    trainable = generator_training._load(folder, CPU)
    images = read_images(corpus.folder / "train.jsonl")
    files = [corpus.folder / "images" / image.file_name for image in images] * 8
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        moments = trainable.latent_moments(files, 32)
        latent_noise = torch.randn(moments[:, : moments.shape[1] // 2].shape, generator=rng)
        latents = trainable.sample_latents(moments, latent_noise)
        loss = trainable.objective(
            latents,
            trainable.conditions([image.captions[0] for image in images] * 8),
            torch.linspace(20, 980, len(files)).long(),
            torch.randn(latents.shape, generator=rng),
        )
    return float(loss)


def die_after_step_4(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the next training be interrupted when it has written its second checkpoint."""
    save = training_checkpoints.save_checkpoint

    def save_and_die(folder: Path, step: int, *state: Any) -> None:
        save(folder, step, *state)
        if step == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(generator_training, "save_checkpoint", save_and_die)


# ------------------------------------------------------------ what a step trains on

IMAGES = [CaptionedImage(str(n), f"{n}.png", (f"first {n}", f"second {n}.")) for n in range(10)]


def test_every_epoch_shows_every_image_once() -> None:
    shown = [image for step in range(15) for image in batch_at(step, IMAGES, SETTINGS, 0, 9).images]
    epochs = [shown[start : start + 10] for start in range(0, 60, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1]


def test_batch_depends_on_seed_and_step_alone() -> None:
    batch = batch_at(7, IMAGES, SETTINGS, 0, 1000)
    batch_at(3, IMAGES, SETTINGS, 0, 1000)
    assert batch_at(7, IMAGES, SETTINGS, 0, 1000) == batch
    assert batch_at(8, IMAGES, SETTINGS, 0, 1000).noise_seed != batch.noise_seed
    assert batch_at(7, IMAGES, SETTINGS, 1, 1000) != batch


def test_mixed_prompts_have_the_stated_shares() -> None:
    large = settings(batch_size=4000)
    batch = batch_at(0, IMAGES, large, 0, 1000)
    kinds = Counter(
        "none" if not prompt else "concat" if ". " in prompt else "single"
        for prompt in batch.prompts
    )
    assert kinds["none"] / 4000 == pytest.approx(0.1, abs=0.02)
    assert kinds["concat"] / 4000 == pytest.approx(0.9 * 0.7, abs=0.03)
    assert kinds["single"] / 4000 == pytest.approx(0.9 * 0.3, abs=0.03)
    image, prompt = next(pair for pair in zip(batch.images, batch.prompts, strict=True) if pair[1])
    assert str(image) in prompt
    assert min(batch.timesteps) < 10 and 990 <= max(batch.timesteps) < 1000


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("single", {"first 0", "second 0."}), ("concat", {"first 0. second 0."})],
)
def test_prompt_modes(mode: str, expected: set[str]) -> None:
    batch = batch_at(0, IMAGES[:1], settings(prompt_mode=mode, caption_dropout=0.0), 0, 1000)
    several = batch_at(0, IMAGES[:1], settings(prompt_mode=mode, batch_size=50), 0, 1000)
    assert set(batch.prompts) <= expected
    assert set(several.prompts) == expected | {""}


def test_captions_are_joined_as_asked() -> None:
    images = [replace(IMAGES[0], captions=("A man .", "Two dogs ."))]

    def prompts(joining: str) -> set[str]:
        asked = settings(prompt_mode="concat", prompt_joining=joining, caption_dropout=0.0)
        return set(batch_at(0, images, asked, 0, 1000).prompts)

    assert prompts("verbatim") == {"A man .. Two dogs ."}
    assert prompts("sentences") == {"A man. Two dogs"}


def test_learning_rate_warms_up_and_falls() -> None:
    cosine = settings(steps=110, warmup_steps=10, learning_rate=1.0)
    assert learning_rate(0, cosine) == pytest.approx(0.1)
    assert learning_rate(9, cosine) == learning_rate(10, cosine) == pytest.approx(1.0)
    assert learning_rate(60, cosine) == pytest.approx(0.5)
    assert learning_rate(109, cosine) < 0.001
    assert learning_rate(109, cosine.model_copy(update={"schedule": "constant"})) == 1.0


# ------------------------------------------------------------------- what it learns


@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon"])
def test_loss_is_zero_for_the_right_prediction(prediction: str) -> None:
    from diffusers import DDPMScheduler

    schedule = DDPMScheduler(prediction_type=prediction)
    rng = torch.Generator().manual_seed(0)
    latents, noise = torch.randn(2, 3, 4, 8, 8, generator=rng)
    timesteps = torch.tensor([0, 400, 999])
    signal = schedule.alphas_cumprod[timesteps][:, None, None, None]
    noisy = signal.sqrt() * latents + (1 - signal).sqrt() * noise
    velocity = signal.sqrt() * noise - (1 - signal).sqrt() * latents

    def predict(given: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        torch.testing.assert_close(given, noisy)
        answers: dict[str, torch.Tensor] = {"epsilon": noise, "v_prediction": velocity}
        return answers[prediction]

    loss = denoising_loss(predict, schedule, latents, timesteps, noise)
    assert loss < 1e-10


@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon"])
def test_fine_tuning_lowers_the_loss(
    tiny_generator: Path, tiny_corpus: TinyCorpus, tmp_path: Path, prediction: str
) -> None:
    base = with_prediction(tiny_generator, tmp_path / "base", prediction)
    tune(base, tmp_path / "tuned", tiny_corpus, tmp_path / "none", steps=40)
    before = loss_on_corpus(base, tiny_corpus)
    assert loss_on_corpus(tmp_path / "tuned", tiny_corpus) < 0.8 * before


def test_only_the_denoiser_changes(
    tiny_generator: Path, tiny_corpus: TinyCorpus, tmp_path: Path
) -> None:
    target = tmp_path / "tuned"
    tune(tiny_generator, target, tiny_corpus, tmp_path / "none", steps=1)
    changed = {
        path.relative_to(target).as_posix()
        for path in target.rglob("*")
        if path.is_file()
        and (
            not (tiny_generator / path.relative_to(target)).exists()
            or path.read_bytes() != (tiny_generator / path.relative_to(target)).read_bytes()
        )
    }
    assert changed == {WEIGHTS, "digest.json"}
    digest = json.loads((target / "digest.json").read_text())
    assert digest == {"sha256": weights_digest(target)}


def test_no_steps_copy_the_base(
    tiny_generator: Path, tiny_corpus: TinyCorpus, tmp_path: Path
) -> None:
    tune(tiny_generator, tmp_path / "tuned", tiny_corpus, tmp_path / "none", steps=0)
    assert weights_digest(tmp_path / "tuned") == weights_digest(tiny_generator)


def test_without_an_average_the_last_weights_are_the_result(
    tiny_generator: Path,
    tiny_corpus: TinyCorpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    last: dict[str, torch.Tensor] = {}

    def record(_folder: Path, step: int, unet: Any, *_state: Any) -> None:
        assert step == 2
        last.update({name: value.clone() for name, value in unet.state_dict().items()})

    monkeypatch.setattr(generator_training, "save_checkpoint", record)
    tune(tiny_generator, tmp_path / "a", tiny_corpus, tmp_path / "c", steps=3, schedule="constant")
    results = {}
    for decay in (0.0, 0.9):
        target = tmp_path / str(decay)
        changes: dict[str, Any] = {"steps": 2, "schedule": "constant", "ema_decay": decay}
        tune(tiny_generator, target, tiny_corpus, tmp_path / "c", **changes)
        results[decay] = load_file(target / WEIGHTS)

    def furthest(weights: dict[str, torch.Tensor]) -> float:
        return max(float((weights[name] - value).abs().max()) for name, value in last.items())

    assert furthest(results[0.0]) < 1e-6
    assert furthest(results[0.9]) > 1e-4


def test_a_corpus_too_large_for_memory_is_read_from_files(
    tiny_generator: Path,
    tiny_corpus: TinyCorpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(latent_files, "ROWS", 3)
    trainable = generator_training._load(tiny_generator, CPU)
    files = sorted((tiny_corpus.folder / "images").iterdir())
    prompts = ["a red picture", "", "a blue picture"]
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    encode_images(trainable, files, whole, 32)
    encode_images(trainable, files, halved, 32, memory=0)
    in_memory = TrainingInputs(trainable, Latents(whole, len(files)), prompts)
    from_files = TrainingInputs(trainable, Latents(halved, len(files)), prompts, memory=0)
    rows = [3, 0, 2, 0]
    exact = torch.cat(
        [trainable.latent_moments(files[:3], 32), trainable.latent_moments(files[3:], 32)]
    )
    assert torch.equal(in_memory.moments(rows), exact[rows])
    # In memory, too: what computes with them may round otherwise in another order.
    assert in_memory.moments(rows).stride() == exact[rows].stride()
    assert torch.equal(from_files.moments(rows), exact.half().float()[rows])
    for one, other in zip(
        in_memory.conditions(prompts[1:]), from_files.conditions(prompts[1:]), strict=True
    ):
        torch.testing.assert_close(one, other)

    names = ["latents-00000000.safetensors", "latents-00000003.safetensors"]
    assert sorted(file.name for file in halved.iterdir()) == names
    # After a kill, what is whole is not encoded again, and what is cut off is.
    complete = (halved / names[1]).read_bytes()
    (halved / names[1]).write_bytes(complete[:100])
    with pytest.raises(InputError, match="`dvc repro generator_latents` makes them again"):
        Latents(halved, len(files))
    encoded: list[int] = []
    encode = Trainable.latent_moments

    def recorded(self: Trainable, files: Any, size: int) -> torch.Tensor:
        encoded.append(len(files))
        return encode(self, files, size)

    monkeypatch.setattr(Trainable, "latent_moments", recorded)
    encode_images(trainable, files, halved, 32, memory=0)
    assert encoded == [1, 1]  # to learn the size; the last file's
    assert (halved / names[1]).read_bytes() == complete


@pytest.mark.parametrize("images", [3, 5, 7])
def test_latents_of_another_corpus_are_refused(
    tiny_generator: Path,
    tiny_corpus: TinyCorpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    images: int,
) -> None:
    monkeypatch.setattr(latent_files, "ROWS", 3)
    encode_corpus(tiny_generator, tiny_corpus.files, tmp_path, image_size=32, device=CPU)
    assert len(tiny_corpus.files) == 4
    if images == 3:  # all of its files are there, and one more
        (tmp_path / "latents-00000000.safetensors").write_bytes(
            (tmp_path / "latents-00000003.safetensors").read_bytes()
        )
    with pytest.raises(InputError, match="`dvc repro generator_latents` makes them again"):
        Latents(tmp_path, images)


def test_training_from_files_learns_and_goes_on_after_a_kill(
    tiny_generator: Path,
    tiny_corpus: TinyCorpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tune(tiny_generator, tmp_path / "memory", tiny_corpus, tmp_path / "none")
    in_16_bits(monkeypatch)
    tune(tiny_generator, tmp_path / "files", tiny_corpus, tmp_path / "a")
    die_after_step_4(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        tune(tiny_generator, tmp_path / "killed", tiny_corpus, tmp_path / "b")
    monkeypatch.undo()
    in_16_bits(monkeypatch)
    tune(tiny_generator, tmp_path / "killed", tiny_corpus, tmp_path / "b")
    assert (tmp_path / "killed" / WEIGHTS).read_bytes() == (
        tmp_path / "files" / WEIGHTS
    ).read_bytes()
    from_memory, from_files = (load_file(tmp_path / name / WEIGHTS) for name in ("memory", "files"))
    furthest = max(
        float((from_memory[name] - value).abs().max()) for name, value in from_files.items()
    )
    assert 0 < furthest < 0.01


def in_16_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every corpus too large for memory."""
    monkeypatch.setattr(encode_images, "__defaults__", (0,))
    monkeypatch.setattr(TrainingInputs.__init__, "__defaults__", (0,))


class Moved(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records the type of every tensor that goes to another device."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.types: list[torch.dtype] = []

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        options = kwargs or {}
        if operation is torch.ops.aten._to_copy.default and "device" in options:
            self.types.append(args[0].dtype)
        return operation(*args, **options)


def test_pixels_go_to_the_device_as_bytes(tiny_generator: Path, tiny_corpus: TinyCorpus) -> None:
    # A launcher leaves each process one thread: converting a batch of 32 photographs of 512 pixels
    # took it 0.2 s, in which its GPU waited.
    meta = torch.device("meta")
    trainable = generator_training._load(tiny_generator, CPU)
    elsewhere = replace(trainable, autoencoder=trainable.autoencoder.to(meta), device=meta)
    files = sorted((tiny_corpus.folder / "images").iterdir())
    with Moved() as moved:
        assert elsewhere.latent_moments(files, 32).device == meta
    assert moved.types == [torch.uint8]


# --------------------------------------------------------------- what can go wrong


def test_killed_run_goes_on_to_the_same_weights(
    tiny_generator: Path,
    tiny_corpus: TinyCorpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tune(tiny_generator, tmp_path / "undisturbed", tiny_corpus, tmp_path / "a")
    die_after_step_4(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        tune(tiny_generator, tmp_path / "killed", tiny_corpus, tmp_path / "b")
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["step-00000004.safetensors"]
    assert not (tmp_path / "killed").exists()

    tune(tiny_generator, tmp_path / "killed", tiny_corpus, tmp_path / "b")
    assert "resumed after step 4 of 6" in capsys.readouterr().out
    undisturbed = (tmp_path / "undisturbed" / WEIGHTS).read_bytes()
    assert (tmp_path / "killed" / WEIGHTS).read_bytes() == undisturbed
    assert weights_digest(tmp_path / "killed") == weights_digest(tmp_path / "undisturbed")


def test_loss_that_is_not_finite_names_step_and_images(
    tiny_generator: Path, tiny_corpus: TinyCorpus, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    shutil.copytree(tiny_generator, base)
    weights = load_file(base / WEIGHTS)
    weights["conv_out.bias"][0] = float("nan")
    save_file(weights, base / WEIGHTS, metadata={"format": "pt"})
    with pytest.raises(NonFiniteLoss, match="step 0") as caught:
        tune(base, tmp_path / "tuned", tiny_corpus, tmp_path / "none")
    assert all(name in str(caught.value) for name in tiny_corpus.colours)
    assert not (tmp_path / "tuned").exists()


def test_unknown_prediction_is_refused(
    tiny_generator: Path, tiny_corpus: TinyCorpus, tmp_path: Path
) -> None:
    base = with_prediction(tiny_generator, tmp_path / "base", "sample")
    with pytest.raises(InputError, match="'sample'; allowed: epsilon, v_prediction"):
        tune(base, tmp_path / "tuned", tiny_corpus, tmp_path / "none")

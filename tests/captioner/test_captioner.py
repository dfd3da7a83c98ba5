"""The captioner: BLIP's recipe, checked against independent computations."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import cross_entropy

from caption_curation.captioner.bases.scratch import build_captioner
from caption_curation.captioner.captioning import generate_captions
from caption_curation.captioner.families.blip import clean_caption, encode_images
from caption_curation.captioner.model.captioner import (
    IGNORED,
    Captioner,
    caption_tokens,
    load_captioner,
    save_captioner,
)
from caption_curation.captioner.model.transforms import resize, to_tensor
from caption_curation.captioner.scoring import sample_losses, token_losses
from caption_curation.captioner.training.epoch import (
    learning_rate,
    load_optimizer,
    new_optimizer,
    save_optimizer,
    shuffled,
    train_epoch,
    training_loss,
)
from caption_curation.config.experiment import Evaluation, Training
from caption_curation.config.profile import (
    Augmentation,
    FineTuning,
    ScratchCaptioner,
    TextSize,
    VisionSize,
)
from caption_curation.pictures.reading import read_picture
from caption_curation.samples import CaptionedImage, Sample, SampleLoss, samples_of
from caption_curation.shown_images import shown_files
from caption_curation.support.errors import InputError, NonFiniteLoss

PROMPT = "a picture of "
COLOURS = {"red": (220, 30, 30), "green": (30, 180, 60), "blue": (40, 60, 220)}
SIZE = ScratchCaptioner(
    source="scratch",
    seed=0,
    vocabulary_size=150,
    initializer_range=0.08,
    vision=VisionSize(hidden_size=32, layers=1, heads=2, patch_size=8),
    text=TextSize(hidden_size=32, layers=1, heads=2, dropout=0.1),
)
TRAINING = Training(epochs=3, schedule_epochs=5, label_smoothing=0.1, prompt=PROMPT)
FINE_TUNING = FineTuning(
    batch_size=8,
    last_batch="train",
    learning_rate=0.01,
    weight_decay=0.05,
    max_tokens=40,
    augmentation=Augmentation(smallest_crop=0.8, horizontal_flip=True, rand_augment=None),
)


@dataclass
class World:
    """Plain images that are called by their colours."""

    images: list[CaptionedImage]
    samples: list[Sample]
    files: dict[str, Path]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    images = []
    for index in range(12):
        name, colour = list(COLOURS.items())[index % 3]
        Image.new("RGB", (40, 32), colour).save(folder / f"{index}.png")
        captions = (f"A {name} wall.", f"one wall, all of it {name}", f"{name}!")
        images.append(CaptionedImage(str(index), f"{index}.png", captions))
    samples = samples_of(images, folder)
    return World(images, samples, shown_files(samples))


@pytest.fixture
def captioner(world: World) -> Captioner:
    captions = [caption for image in world.images for caption in image.captions]
    return build_captioner(SIZE, captions, PROMPT, 32)


SMOOTHING = 0.1  # not that of any default of ours: BLIP's med.py


def score(
    captioner: Captioner, world: World, samples: list[Sample] | None = None, batch_size: int = 5
) -> list[SampleLoss]:
    return sample_losses(
        captioner,
        world.samples if samples is None else samples,
        world.files,
        prompt=PROMPT,
        max_tokens=40,
        label_smoothing=SMOOTHING,
        batch_size=batch_size,
    )


def losses_by_hand(captioner: Captioner, sample: Sample, file: Path) -> tuple[float, float, int]:
    """-log p over the caption's tokens: one caption, no padding, numpy's softmax.

    Returns:
        Its sum; the sum with label smoothing, by BLIP's formula (1 - ε) · -log p of the target and
        ε times the mean over the vocabulary; and the number of tokens.
    """
    config = captioner.model.config.text_config
    words = captioner.tokenizer(clean_caption(sample.caption), add_special_tokens=False).input_ids
    prompt = captioner.tokenizer(PROMPT, add_special_tokens=False).input_ids
    ids = [config.bos_token_id, *prompt, *words, config.sep_token_id]
    captioner.model.eval()
    with torch.no_grad():
        logits = captioner.model(
            pixel_values=to_tensor(resize(read_picture(file), 32))[None],
            input_ids=torch.tensor([ids]),
        ).logits[0]
    values = logits.double().numpy()
    total = smoothed = 0.0
    for position in range(len(prompt), len(ids) - 1):
        row = values[position]
        surprise = row.max() + np.log(np.exp(row - row.max()).sum()) - row
        total += surprise[ids[position + 1]]
        smoothed += (1 - SMOOTHING) * surprise[ids[position + 1]] + SMOOTHING * surprise.mean()
    return total, smoothed, len(words) + 1


def test_losses_equal_an_independent_computation(captioner: Captioner, world: World) -> None:
    losses = score(captioner, world)
    assert [loss.sample_id for loss in losses] == [sample.sample_id for sample in world.samples]
    for sample, loss in zip(world.samples, losses, strict=True):
        total, smoothed, tokens = losses_by_hand(captioner, sample, world.files[sample.sample_id])
        assert loss.tokens == tokens
        assert loss.loss_sum == pytest.approx(total, rel=1e-5)
        assert loss.loss_mean == pytest.approx(total / tokens, rel=1e-5)
        assert loss.loss_sum_smoothed == pytest.approx(smoothed, rel=1e-5)
        assert abs(total - smoothed) > 1e-3, "the test needs losses that smoothing changes"


def test_the_plain_losses_are_torchs_cross_entropy_to_the_bit(captioner: Captioner) -> None:
    rng = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(3, 7, 50, generator=rng)
    targets = torch.randint(50, (3, 7), generator=rng)
    targets[1, 4:] = IGNORED
    plain, smoothed = token_losses(logits, targets, SMOOTHING)
    by_torch = [
        cross_entropy(
            logits.transpose(1, 2),
            targets,
            ignore_index=IGNORED,
            reduction="none",
            label_smoothing=smoothing,
        )
        for smoothing in (0.0, SMOOTHING)
    ]
    assert torch.equal(plain, by_torch[0])
    torch.testing.assert_close(smoothed, by_torch[1])


def test_losses_do_not_depend_on_what_is_scored_together(
    captioner: Captioner, world: World
) -> None:
    def losses(samples: list[Sample], batch_size: int) -> dict[str, float]:
        scored = score(captioner, world, samples, batch_size)
        return {loss.sample_id: loss.loss_sum for loss in scored}

    together, alone = losses(world.samples, 12), losses(world.samples[5:6], 1)
    for name, loss in alone.items():
        assert together[name] == pytest.approx(loss, rel=1e-5)


def test_each_image_is_encoded_and_projected_once_for_all_its_captions(
    captioner: Captioner, world: World
) -> None:
    encoded, projected = [], []
    captioner.model.vision_model.register_forward_hook(
        lambda module, inputs, output: encoded.append(len(output.last_hidden_state))
    )
    # The first hook sees what the projection itself made; the scoring's own comes after it.
    captioner.model.text_decoder.bert.encoder.layer[
        0
    ].crossattention.self.key.register_forward_hook(
        lambda module, inputs, output: projected.append(len(output))
    )
    score(captioner, world)
    assert sum(encoded) == sum(projected) == len(world.images)


def test_no_loss_on_prompt_and_padding(captioner: Captioner) -> None:
    tokens = caption_tokens(captioner, ["red", "a red wall"], prompt=PROMPT, max_tokens=40)
    config = captioner.model.config.text_config
    counted = (tokens.targets != IGNORED).sum(dim=1).tolist()
    by_hand = [
        len(captioner.tokenizer(text, add_special_tokens=False).input_ids) + 1
        for text in ("red", "a red wall")
    ]
    assert counted == by_hand
    assert tokens.inputs[:, 0].tolist() == [config.bos_token_id] * 2
    for row in tokens.targets:
        assert row[row != IGNORED][-1] == config.sep_token_id


@pytest.mark.parametrize("max_tokens", [5, 66])
def test_a_length_that_the_captions_cannot_have_is_refused(
    captioner: Captioner, max_tokens: int
) -> None:
    # the start, "a picture of", a word and the end; the model's 64 positions and the end
    with pytest.raises(InputError, match=rf"max_tokens = {max_tokens}: allowed: 6 .* to 65 "):
        caption_tokens(captioner, ["red"], prompt=PROMPT, max_tokens=max_tokens)


def test_training_loss_is_label_smoothed_cross_entropy_per_token(
    captioner: Captioner, world: World
) -> None:
    captioner.model.eval()  # no dropout, so that two computations can be compared
    chosen = world.samples[:4]
    tokens = caption_tokens(
        captioner, [sample.caption for sample in chosen], prompt=PROMPT, max_tokens=40
    )
    pixels = torch.stack(
        [to_tensor(resize(read_picture(world.files[sample.sample_id]), 32)) for sample in chosen]
    )
    with torch.no_grad():
        loss = training_loss(captioner, pixels, tokens, 0.1).item()
        logits = captioner.model.text_decoder(
            input_ids=tokens.inputs,
            attention_mask=tokens.mask,
            encoder_hidden_states=encode_images(captioner, pixels),
        ).logits.double()
    log_p = (logits - logits.exp().sum(-1, keepdim=True).log()).numpy()
    terms = [
        0.9 * -log_p[row, position, target] + 0.1 * -log_p[row, position].mean()
        for row, targets in enumerate(tokens.targets.tolist())
        for position, target in enumerate(targets)
        if target != IGNORED
    ]
    assert loss == pytest.approx(np.mean(terms), rel=1e-5)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("A man, a plan: a canal!", "a man, a plan a canal"),
        ('"Two"  (dogs)*#;~ ...', "two dogs"),
        ("w " * 60, " ".join(["w"] * 30)),
    ],
)
def test_captions_are_cleaned_as_blip_does(raw: str, clean: str) -> None:
    assert clean_caption(raw) == clean


def test_the_schedule_is_blips_cosine() -> None:
    # salesforce/BLIP, configs/caption_coco.yaml: 1e-5 over 5 epochs, to 0
    rates = [learning_rate(epoch, 1e-5, 5) for epoch in range(1, 6)]
    assert rates[0] == 1e-5
    assert rates == sorted(rates, reverse=True)
    assert rates[2] == pytest.approx(1e-5 * (1 + np.cos(0.4 * np.pi)) / 2)
    assert learning_rate(6, 1e-5, 5) == pytest.approx(0)


def test_shuffling_keeps_the_order_of_shared_samples(world: World) -> None:
    everything, part = shuffled(world.samples, 0, 1), shuffled(world.samples[::2], 0, 1)
    assert [sample for sample in everything if sample in part] == part
    assert everything not in (world.samples, shuffled(world.samples, 0, 2))
    assert sorted(sample.sample_id for sample in everything) == sorted(
        sample.sample_id for sample in world.samples
    )


def train(captioner: Captioner, world: World, epochs: list[int], optimizer: torch.optim.AdamW):  # type: ignore[no-untyped-def]
    return [
        train_epoch(
            captioner,
            optimizer,
            world.samples,
            world.files,
            epoch=epoch,
            seed=0,
            training=TRAINING,
            fine_tuning=FINE_TUNING,
        )
        for epoch in epochs
    ]


def weights_after(
    base: Path, samples: list[Sample], world: World, fine_tuning: FineTuning, epoch: int
) -> tuple[bytes, float]:
    """What a captioner is after one epoch from ``base``, and its mean loss."""
    captioner = load_captioner(base, 32, torch.device("cpu"))
    loss = train_epoch(
        captioner,
        new_optimizer(captioner, 0.05),
        samples,
        world.files,
        epoch=epoch,
        seed=0,
        training=TRAINING,
        fine_tuning=fine_tuning,
    )
    save_captioner(captioner, base.parent / "after")
    return (base.parent / "after" / "model.safetensors").read_bytes(), loss


def test_a_dropped_last_batch_is_as_if_its_samples_were_not_there(
    captioner: Captioner, world: World, tmp_path: Path
) -> None:
    save_captioner(captioner, tmp_path / "0")
    drop = FINE_TUNING.model_copy(update={"last_batch": "drop"})
    dropped = []
    for epoch in (1, 2):
        order = shuffled(world.samples, 0, epoch)
        assert len(order) == 36  # four batches of 8, and 4 samples
        kept = [sample for sample in world.samples if sample in order[:32]]
        dropped.append(order[32:])
        without = weights_after(tmp_path / "0", world.samples, world, drop, epoch)
        assert without == weights_after(tmp_path / "0", kept, world, FINE_TUNING, epoch)
        assert without != weights_after(tmp_path / "0", world.samples, world, FINE_TUNING, epoch)
        # Where all batches are full there is nothing to drop.
        assert without == weights_after(tmp_path / "0", kept, world, drop, epoch)
    assert dropped[0] != dropped[1]


def test_to_drop_the_only_batch_is_refused_before_training(
    captioner: Captioner, world: World
) -> None:
    drop = FINE_TUNING.model_copy(update={"last_batch": "drop", "batch_size": 37})
    before = {name: weights.clone() for name, weights in captioner.model.state_dict().items()}
    with pytest.raises(InputError) as raised:
        train_epoch(
            captioner,
            new_optimizer(captioner, 0.05),
            world.samples,
            world.files,
            epoch=1,
            seed=0,
            training=TRAINING,
            fine_tuning=drop,
        )
    assert "captioner.fine_tuning.last_batch = drop: 36 samples do not fill a batch of 37" in str(
        raised.value
    )
    assert "last_batch: train, or a batch_size of at most 36" in str(raised.value)
    assert all(torch.equal(before[name], now) for name, now in captioner.model.state_dict().items())


def test_training_learns_to_name_what_it_sees(captioner: Captioner, world: World) -> None:
    losses = train(captioner, world, [1, 2, 3, 4, 5], new_optimizer(captioner, 0.0))
    assert losses[-1] < 0.6 * losses[0]
    captions = generate_captions(
        captioner,
        [world.files[f"{index}#0"] for index in range(3)],
        prompt=PROMPT,
        evaluation=Evaluation(beams=3, min_length=5, max_length=20, spice="off", language="en"),
        beam_length="caption",
        batch_size=2,
    )
    for caption, colour in zip(captions, COLOURS, strict=True):
        assert colour in caption.split()
        assert not caption.startswith("a picture of")


def test_captions_are_written_as_people_write_them(world: World) -> None:
    # As by the tokenizer that BLIP was published with, which closes up "a man ' s dog".
    caption = "a man's dog, it isn't red"
    captioner = build_captioner(SIZE, [caption] * 9, PROMPT, 32)
    samples = [replace(sample, caption=caption) for sample in world.samples]
    taught = World(world.images, samples, world.files)
    train(captioner, taught, [1, 2, 3], new_optimizer(captioner, 0.0))
    said = generate_captions(
        captioner,
        [world.files["0#0"]],
        prompt=PROMPT,
        evaluation=Evaluation(beams=3, min_length=5, max_length=20, spice="off", language="en"),
        beam_length="caption",
        batch_size=1,
    )
    assert said == [caption]


def test_continuing_from_files_equals_never_stopping(
    captioner: Captioner, world: World, tmp_path: Path
) -> None:
    save_captioner(captioner, tmp_path / "0")
    undisturbed = load_captioner(tmp_path / "0", 32, torch.device("cpu"))
    train(undisturbed, world, [1, 2], new_optimizer(undisturbed, 0.05))
    save_captioner(undisturbed, tmp_path / "undisturbed")

    first = load_captioner(tmp_path / "0", 32, torch.device("cpu"))
    optimizer = new_optimizer(first, 0.05)
    train(first, world, [1], optimizer)
    save_captioner(first, tmp_path / "1")
    save_optimizer(optimizer, tmp_path / "optimizer.safetensors")

    second = load_captioner(tmp_path / "1", 32, torch.device("cpu"))
    optimizer = new_optimizer(second, 0.05)
    load_optimizer(optimizer, tmp_path / "optimizer.safetensors")
    train(second, world, [2], optimizer)
    save_captioner(second, tmp_path / "2")

    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        assert (tmp_path / "2" / name).read_bytes() == (
            tmp_path / "undisturbed" / name
        ).read_bytes()


def test_a_loss_that_is_not_finite_stops_and_names_step_and_samples(
    captioner: Captioner, world: World
) -> None:
    with torch.no_grad():
        captioner.model.text_decoder.cls.predictions.bias.fill_(float("nan"))
    first_batch = [sample.sample_id for sample in shuffled(world.samples, 0, 1)[:8]]
    with pytest.raises(NonFiniteLoss) as raised:
        train(captioner, world, [1], new_optimizer(captioner, 0.05))
    assert "epoch 1, step 1" in str(raised.value)
    assert all(name in str(raised.value) for name in first_batch)
    with pytest.raises(NonFiniteLoss, match="36 sample"):
        score(captioner, world)


def test_a_base_in_half_precision_is_trained_in_float32(
    captioner: Captioner, tmp_path: Path
) -> None:
    captioner.model.half()
    save_captioner(captioner, tmp_path)
    loaded = load_captioner(tmp_path, 32, torch.device("cpu"))
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}


def test_the_saved_folder_is_the_hubs_layout(captioner: Captioner, tmp_path: Path) -> None:
    from transformers import BlipForConditionalGeneration, BlipImageProcessorPil

    save_captioner(captioner, tmp_path)
    BlipForConditionalGeneration.from_pretrained(tmp_path)
    pixels = BlipImageProcessorPil.from_pretrained(tmp_path)(
        Image.new("RGB", (50, 30), (10, 200, 30)), return_tensors="pt"
    ).pixel_values[0]
    ours = to_tensor(resize(Image.new("RGB", (50, 30), (10, 200, 30)), 32))
    torch.testing.assert_close(ours, pixels, rtol=1e-5, atol=1e-5)
    names = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert names["bos_token"] == "[DEC]"


def test_how_a_tokenizer_was_loaded_is_not_saved_with_it(
    captioner: Captioner, tmp_path: Path
) -> None:
    save_captioner(captioner, tmp_path / "0")
    save_captioner(load_captioner(tmp_path / "0", 32, torch.device("cpu")), tmp_path / "1")
    saved = json.loads((tmp_path / "1" / "tokenizer_config.json").read_text())
    assert not saved.get("local_files_only")


def test_another_image_size_than_the_models_is_refused(
    captioner: Captioner, tmp_path: Path
) -> None:
    save_captioner(captioner, tmp_path)
    with pytest.raises(InputError, match=r"captioner\.image_size = 64.*32"):
        load_captioner(tmp_path, 64, torch.device("cpu"))

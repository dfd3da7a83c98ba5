"""Planted noise is found: the demo's captioner, fine-tuned on a noisy world, ranks it first."""

from collections import Counter
from collections.abc import Mapping

import pytest
import torch

from caption_curation.captioner.model.captioner import load_captioner
from caption_curation.captioner.scoring import sample_losses
from caption_curation.captioner.training.epoch import new_optimizer, train_epoch
from caption_curation.config.corpora import DemoWorldSource, PlantedNoise, SplitSizes
from caption_curation.config.experiment import Training
from caption_curation.config.params import load_params
from caption_curation.curation.rules import above_mean, top_fraction
from caption_curation.curation.scores import loss_mean, loss_sum
from caption_curation.demo_world.style import DEFAULT
from caption_curation.demo_world.world import World, make_world, render_images
from caption_curation.samples import SampleLoss, samples_of
from caption_curation.shown_images import shown_files
from tests.conftest import REPOSITORY

SOURCE = DemoWorldSource(
    source="demo_world",
    seed=17,
    image_size=32,
    images=SplitSizes(train=300, val=0, test=0),
    noise=PlantedNoise(wrong_caption=0.12, mismatched_image=0.12, long_caption=0.04),
)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(SOURCE, DEFAULT, ["train"])


@pytest.fixture(scope="module")
def losses(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[SampleLoss]:
    """Losses after two epochs of the demo's own fine-tuning."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("noisy_world")
    render_images(world, DEFAULT, 32, folder)
    samples = samples_of(world.corpus(["train"]).splits["train"], folder / "images")
    files = shown_files(samples)
    params = load_params(REPOSITORY)
    section = params.profile.captioner
    base = REPOSITORY / params.experiment.inputs.captioner
    captioner = load_captioner(base, 32, torch.device("cpu"))
    optimizer = new_optimizer(captioner, section.fine_tuning.weight_decay)
    training = Training(epochs=2, schedule_epochs=5, label_smoothing=0.1, prompt="a picture of ")
    for epoch in (1, 2):
        train_epoch(
            captioner,
            optimizer,
            samples,
            files,
            epoch=epoch,
            seed=0,
            training=training,
            fine_tuning=section.fine_tuning,
        )
    return sample_losses(
        captioner,
        samples,
        files,
        prompt="a picture of ",
        max_tokens=40,
        label_smoothing=0.1,
        batch_size=50,
    )


def kinds(losses: list[SampleLoss], chosen: list[int], noise: Mapping[str, str]) -> Counter[str]:
    return Counter(noise.get(losses[index].sample_id, "clean") for index in chosen)


def test_the_hardest_by_mean_loss_are_noise(world: World, losses: list[SampleLoss]) -> None:
    chosen = top_fraction(loss_mean(losses), 0.1, "floor")
    found = kinds(losses, chosen, world.noise)
    base_rate = len(world.noise) / len(losses)
    assert 0.27 < base_rate < 0.29
    # Far above the base rate: at least 2.5 times it, where chance would give 28 % (give or take 4).
    assert 1 - found["clean"] / len(chosen) > 2.5 * base_rate
    assert found["wrong_caption"] > 0 and found["mismatched_image"] > 0


def test_the_summed_loss_finds_long_captions_rather_than_wrong_ones(
    world: World, losses: list[SampleLoss]
) -> None:
    """The paper's best rule for REMOVE, 2 standard deviations of the summed loss."""
    by_sum = kinds(losses, above_mean(loss_sum(losses), 2.0), world.noise)
    long_captions = sum(kind == "long_caption" for kind in world.noise.values())
    assert by_sum["long_caption"] > 0.9 * long_captions
    assert by_sum["long_caption"] > by_sum["wrong_caption"] + by_sum["mismatched_image"]

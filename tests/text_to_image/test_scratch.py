"""A generator from scratch: its tokenizer, its autoencoder, the folder that it is saved to."""

from pathlib import Path

import numpy as np
import pytest
import torch

from caption_curation.config.profile import (
    AutoencoderSize,
    ScratchGenerator,
    TextEncoderSize,
    UNetSize,
)
from caption_curation.model_files import weights_digest
from caption_curation.pretrained import obtain_model
from caption_curation.samples import read_images
from caption_curation.support.errors import NonFiniteLoss
from caption_curation.text_to_image.bases import REQUIRED_FILES
from caption_curation.text_to_image.bases.autoencoder import (
    build_autoencoder,
    normalise_latents,
    train_autoencoder,
)
from caption_curation.text_to_image.bases.scratch import (
    build_generator,
    noise_schedule,
    train_tokenizer,
)
from caption_curation.text_to_image.pixels import Pixels, read_image, to_model_range
from tests.conftest import TinyCorpus

AUTOENCODER = AutoencoderSize(
    channels=[8, 16], latent_channels=4, steps=60, batch_size=8, learning_rate=0.005
)


@pytest.fixture(scope="module")
def halves() -> Pixels:
    """Pictures of 16 pixels, dark on one side and bright on the other."""
    images = np.full((4, 16, 16, 3), 40, dtype=np.uint8)
    images[0, :8], images[1, 8:] = 220, 220
    images[2, :, :8], images[3, :, 8:] = 220, 220
    return images


def restored(autoencoder: torch.nn.Module, images: Pixels) -> torch.Tensor:
    with torch.no_grad():
        latents = autoencoder.encode(to_model_range(images)).latent_dist.mean  # type: ignore[operator]
        return autoencoder.decode(latents).sample  # type: ignore[no-any-return, operator]


def test_tokenizer_learns_the_words_and_reads_any_text() -> None:
    texts = ["a red ring above a blue bar", "a blue ring"] * 20
    tokenizer = train_tokenizer(texts, 600)
    assert tokenizer.tokenize("A  Red RING") == ["a</w>", "red</w>", "ring</w>"]
    unusual = "zebra größe 象 😀 don't!"
    ids = tokenizer(unusual).input_ids
    assert tokenizer.unk_token_id not in ids[1:-1]
    decoded = tokenizer.decode(ids, skip_special_tokens=True)
    assert decoded.replace(" ", "") == unusual.replace(" ", "")
    assert len(tokenizer) <= 600
    assert tokenizer.get_vocab() == train_tokenizer(texts, 600).get_vocab()
    assert len(tokenizer("word " * 100, truncation=True).input_ids) == 77


def test_autoencoder_learns_to_restore(halves: Pixels) -> None:
    torch.manual_seed(0)
    autoencoder = build_autoencoder(AUTOENCODER, 16)
    target = to_model_range(halves)
    before = (restored(autoencoder, halves) - target).square().mean()
    train_autoencoder(autoencoder, halves, AUTOENCODER, torch.Generator().manual_seed(0))
    after = (restored(autoencoder, halves) - target).square().mean()
    assert after < 0.5 * before


def test_normalised_latents_restore_the_same_image(halves: Pixels) -> None:
    torch.manual_seed(0)
    autoencoder = build_autoencoder(AUTOENCODER, 16)
    with torch.no_grad():
        before = autoencoder.encode(to_model_range(halves)).latent_dist
        expected = autoencoder.decode(before.mean).sample
        normalise_latents(autoencoder, halves, batch_size=3)
        after = autoencoder.encode(to_model_range(halves)).latent_dist
    torch.testing.assert_close(restored(autoencoder, halves), expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(after.mean.mean((0, 2, 3)), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(after.mean.std((0, 2, 3)), torch.ones(4), atol=1e-4, rtol=0)
    scale = before.mean.std((0, 2, 3))[:, None, None]
    torch.testing.assert_close(after.std, before.std / scale, atol=1e-4, rtol=1e-4)
    assert autoencoder.config.scaling_factor == 1


def test_autoencoder_stops_at_a_loss_that_is_not_finite(halves: Pixels) -> None:
    autoencoder = build_autoencoder(AUTOENCODER, 16)
    with torch.no_grad():
        autoencoder.decoder.conv_out.bias.fill_(float("nan"))
    with pytest.raises(NonFiniteLoss, match="step 0"):
        train_autoencoder(autoencoder, halves, AUTOENCODER, torch.Generator())


def test_images_are_resized_and_cropped_to_a_square(tmp_path: Path) -> None:
    from PIL import Image

    picture = Image.new("L", (60, 20), 10)
    picture.paste(200, (20, 0, 40, 20))
    picture.save(tmp_path / "wide.png")
    pixels = read_image(tmp_path / "wide.png", 10)
    assert pixels.shape == (10, 10, 3)
    assert pixels[:, 2:-2].min() > 190


def test_signal_is_gone_at_the_last_timestep() -> None:
    assert noise_schedule().alphas_cumprod[-1] == 0


def test_saved_generator_is_complete(tiny_generator: Path) -> None:
    assert obtain_model(tiny_generator, required=REQUIRED_FILES) == tiny_generator


def test_generator_depends_on_its_seed_alone(tiny_corpus: TinyCorpus, tmp_path: Path) -> None:
    digests = []
    for run, seed in enumerate((3, 3, 4)):
        size = ScratchGenerator(
            source="scratch",
            seed=seed,
            autoencoder=AUTOENCODER.model_copy(update={"steps": 2}),
            text_encoder=TextEncoderSize(hidden_size=16, layers=1, heads=2, vocabulary_size=600),
            unet=UNetSize(channels=[8, 16], heads=2),
        )
        torch.manual_seed(run)  # what ran before must not matter
        images = read_images(tiny_corpus.folder / "train.jsonl")
        generator = build_generator(size, images, tiny_corpus.files, 16)
        generator.save_pretrained(tmp_path / str(run))
        digests.append(weights_digest(tmp_path / str(run)))
    assert digests[0] == digests[1] != digests[2]

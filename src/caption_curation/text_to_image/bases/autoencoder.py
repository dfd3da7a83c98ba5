"""Train a small image autoencoder, Stable Diffusion's first stage (Rombach et al. 2022, 3.1)."""

import math
from typing import Any

import torch
from torch.nn.functional import l1_loss, mse_loss
from tqdm import trange

from caption_curation.config.profile import AutoencoderSize
from caption_curation.support.errors import NonFiniteLoss
from caption_curation.text_to_image.pixels import Pixels, to_model_range

KL_WEIGHT = 1e-4  # per latent value; keeps the latents' scale finite, hardly more
EMA_DECAY = 0.99
WARMUP_STEPS = 20
# Adam's second moment averages over 100 steps instead of 1,000: training takes a few hundred steps,
# and the gradients of the first are much too large. In the demo world, after 750 steps of 16
# images, 89 % of scenes were right instead of 61 % (one seed each; seeds differ a lot).
BETAS = (0.9, 0.99)
GRADIENT_CLIPPING = 1.0


def build_autoencoder(size: AutoencoderSize, image_size: int) -> Any:
    """An AutoencoderKL with random weights from torch's global random state.

    It halves the image's side ``len(size.channels) - 1`` times.
    """
    from diffusers import AutoencoderKL

    blocks = len(size.channels)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        block_out_channels=tuple(size.channels),
        layers_per_block=1,
        latent_channels=size.latent_channels,
        # Two channels a group at the highest resolution: of 16 channels, 8 groups restored more
        # scenes than 2, 4 or 16 did in 750 steps (seed 0).
        norm_num_groups=math.gcd(*size.channels, max(1, min(size.channels) // 2)),
        sample_size=image_size,
        mid_block_add_attention=False,
    )


def train_autoencoder(
    autoencoder: Any, images: Pixels, size: AutoencoderSize, rng: torch.Generator
) -> None:
    """Train in place on L1 + squared error of the reconstruction; ends with the EMA of the weights.

    Args:
        autoencoder: an AutoencoderKL.
        images: uint8, shape (N, height, width, 3).
        size: steps, batch size and learning rate (warm-up, then cosine to zero).
        rng: chooses the batches and the noise in the latents.

    Raises:
        NonFiniteLoss: naming the step.
    """
    from diffusers.training_utils import EMAModel

    parameters = list(autoencoder.parameters())
    optimizer = torch.optim.AdamW(parameters, betas=BETAS, weight_decay=0.0)
    average = EMAModel(parameters, decay=EMA_DECAY, foreach=True)
    autoencoder.train()
    for step in trange(size.steps, desc="training the autoencoder", unit="step", disable=None):
        for group in optimizer.param_groups:
            group["lr"] = size.learning_rate * _learning_rate_factor(step, size.steps)
        chosen = torch.randint(len(images), (size.batch_size,), generator=rng)
        pixels = to_model_range(images[chosen.numpy()]).to(autoencoder.device)
        posterior = autoencoder.encode(pixels).latent_dist
        restored = autoencoder.decode(posterior.sample(generator=rng)).sample
        divergence = posterior.kl().mean() / posterior.mean[0].numel()
        loss = l1_loss(restored, pixels) + mse_loss(restored, pixels) + KL_WEIGHT * divergence
        if not torch.isfinite(loss):
            raise NonFiniteLoss(f"autoencoder, step {step}: the loss is {loss.item()}")
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, GRADIENT_CLIPPING)
        optimizer.step()
        average.step(parameters)
    average.copy_to(parameters)
    autoencoder.eval()


def _learning_rate_factor(step: int, steps: int) -> float:
    warmup = min(1.0, (step + 1) / WARMUP_STEPS)
    return warmup * 0.5 * (1 + math.cos(math.pi * step / steps))


@torch.no_grad()
def normalise_latents(autoencoder: Any, images: Pixels, batch_size: int) -> None:
    """Rescale the autoencoder in place so that each latent channel has mean 0 and deviation 1.

    Its reconstructions do not change: the last layer of the encoder and the first of the decoder,
    both 1 x 1 convolutions, absorb the shift and the scale. ``scaling_factor`` becomes 1.

    Args:
        autoencoder: an AutoencoderKL with ``quant_conv`` and ``post_quant_conv``.
        images: uint8, shape (N, height, width, 3), to measure the latents on.
        batch_size: images encoded at a time.
    """
    means = torch.cat(
        [
            autoencoder.encode(
                to_model_range(images[start : start + batch_size]).to(autoencoder.device)
            ).latent_dist.mean
            for start in range(0, len(images), batch_size)
        ]
    )
    mean, deviation = means.mean(dim=(0, 2, 3)), means.std(dim=(0, 2, 3)).clamp(min=1e-6)
    channels = len(mean)
    first, last = autoencoder.post_quant_conv, autoencoder.quant_conv
    # decode(z * deviation + mean) of the old decoder is decode(z) of the new one.
    first.bias += first.weight[:, :, 0, 0] @ mean
    first.weight *= deviation[None, :, None, None]
    # The encoder's output holds means, then logarithms of variances.
    last.weight[:channels] /= deviation[:, None, None, None]
    last.bias[:channels] = (last.bias[:channels] - mean) / deviation
    last.bias[channels:] -= 2 * deviation.log()
    autoencoder.register_to_config(scaling_factor=1.0)

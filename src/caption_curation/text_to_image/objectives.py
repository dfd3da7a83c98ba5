"""What denoising networks learn: to undo noise that was added, or to follow a flow."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import mse_loss


def denoising_loss(
    predict: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    schedule: Any,
    latents: torch.Tensor,
    timesteps: torch.Tensor,
    noise: torch.Tensor,
) -> torch.Tensor:
    """Mean squared error of the prediction for noised latents.

    Args:
        predict: the denoising network's prediction, of noised latents and timesteps.
        schedule: the noise schedule; its ``prediction_type`` says whether the network predicts the
            noise (Ho et al. 2020, eq. 14) or the velocity (Salimans and Ho 2022, section 4).
        latents: (N, channels, height, width), scaled.
        timesteps: (N,), of the noise schedule.
        noise: standard normal, of the latents' shape.
    """
    noisy = schedule.add_noise(latents, noise, timesteps)
    if schedule.config.prediction_type == "v_prediction":
        target = schedule.get_velocity(latents, noise, timesteps)
    else:
        target = noise
    return mse_loss(predict(noisy, timesteps).float(), target)


def flow_matching_loss(
    predict: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    schedule: Any,
    latents: torch.Tensor,
    timesteps: torch.Tensor,
    noise: torch.Tensor,
) -> torch.Tensor:
    """Mean squared error of the predicted velocity on straight paths from images to noise.

    Conditional flow matching of a rectified flow with logit-normal timesteps (Esser et al. 2024,
    sections 2 and 3.1: "rf/lognorm(0.00, 1.00)"), as in diffusers' examples for Stable Diffusion 3
    without preconditioned outputs. Uniform timesteps become logit-normal ones by their quantiles.

    Args:
        predict: the network's prediction, of noised latents and timesteps in [0, 1000].
        schedule: of a flow; its ``sigmas`` are shares of noise, from 1 down.
        latents: (N, channels, height, width), scaled.
        timesteps: (N,), uniform in [0, number of timesteps).
        noise: standard normal, of the latents' shape.
    """
    count = schedule.config.num_train_timesteps
    quantiles = (timesteps.double() + 0.5) / count
    places = (torch.special.ndtri(quantiles).sigmoid() * count).long().clamp(0, count - 1)
    share = schedule.sigmas.to(latents.device)[places].to(latents.dtype)[:, None, None, None]
    noisy = (1 - share) * latents + share * noise
    predicted = predict(noisy, schedule.timesteps.to(latents.device)[places])
    return mse_loss(predicted.float(), noise - latents)

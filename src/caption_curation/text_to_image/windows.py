"""Long prompts, encoded in windows whose hidden states are concatenated."""

from collections.abc import Sequence
from typing import Any

import torch


def tokens_in_windows(tokenizer: Any, prompt: str) -> torch.Tensor:
    """A prompt's tokens, cut into windows that the text encoder can read.

    Every window has a start and an end token, so it has room for two fewer of the prompt's (CLIP:
    75 of 77); the last window is padded.

    Returns:
        int64 of shape (windows, the tokenizer's ``model_max_length``).
    """
    ids: torch.Tensor = tokenizer(
        prompt,
        padding="max_length",
        max_length=tokenizer.model_max_length,
        truncation=True,
        return_overflowing_tokens=True,
        return_tensors="pt",
    ).input_ids
    return ids


@torch.no_grad()
def encode_in_windows(
    generator: Any, prompts: Sequence[torch.Tensor], negative_prompt: str
) -> dict[str, torch.Tensor]:
    """Embeddings that a StableDiffusionPipeline takes instead of prompts, of any length.

    Args:
        generator: a StableDiffusionPipeline.
        prompts: the tokens of each, from :func:`tokens_in_windows`; all have as many windows.
        negative_prompt: encoded in as many windows as the prompts have, truncated or extended by
            windows of an empty prompt.

    Returns:
        ``prompt_embeds`` and ``negative_prompt_embeds``, each of shape (N, windows x
        ``model_max_length``, hidden size).
    """
    windows = len(prompts[0])
    negative = tokens_in_windows(generator.tokenizer, negative_prompt)[:windows]
    empty = tokens_in_windows(generator.tokenizer, "").expand(windows - len(negative), -1)
    negative_states = _states(generator, torch.cat([negative, empty]))
    states = _states(generator, torch.cat(list(prompts)))
    return {
        "prompt_embeds": states.reshape(len(prompts), -1, states.shape[-1]),
        "negative_prompt_embeds": negative_states.flatten(0, 1).expand(len(prompts), -1, -1),
    }


def _states(generator: Any, tokens: torch.Tensor) -> torch.Tensor:
    """CLIP's last hidden states of windows; as in the pipeline, padding is not masked."""
    states: torch.Tensor = generator.text_encoder(tokens.to(generator.device))[0]
    return states

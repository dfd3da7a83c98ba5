"""A tiny CLIP, trained from scratch on captioned images (Radford et al. 2021, figure 3)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import cross_entropy, normalize
from tqdm import trange

from caption_curation.config.pretraining import ClipSize, ClipTraining
from caption_curation.metrics.clip.model import text_tokens


def build_clip(size: ClipSize, tokenizer: Any, image_size: int) -> Any:
    """A CLIPModel with random weights, initialised with torch's global random state."""
    from transformers import CLIPConfig, CLIPModel

    tower = {
        "hidden_size": size.hidden_size,
        "intermediate_size": 4 * size.hidden_size,
        "num_attention_heads": size.heads,
        "projection_dim": size.projection,
    }
    config = CLIPConfig(
        text_config={
            **tower,
            "num_hidden_layers": size.text_layers,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": tokenizer.model_max_length,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            **tower,
            "num_hidden_layers": size.vision_layers,
            "image_size": image_size,
            "patch_size": size.patch_size,
        },
        projection_dim=size.projection,
    )
    return CLIPModel(config)


def train_clip(
    model: Any,
    tokenizer: Any,
    pixels: torch.Tensor,
    captions: Sequence[Sequence[str]],
    training: ClipTraining,
    rng: torch.Generator,
) -> float:
    """Train a CLIP in place to match the captions and the images of a batch.

    Args:
        model: a CLIPModel, on the CPU.
        tokenizer: its tokenizer.
        pixels: the images as its image processor gives them, (n, 3, height, width).
        captions: those of each image, as the model will read them; one is sampled at a time.
        training: number and size of the batches, learning rate (of AdamW, decaying linearly to
            zero) and weight decay.
        rng: samples images and captions.

    Returns:
        The mean loss in nats of the last tenth of the steps.
    """
    flat = [caption for group in captions for caption in group]
    tokens = text_tokens(tokenizer, model, flat)
    lengths = tokens.attention_mask.sum(1)
    ends = torch.tensor([len(group) for group in captions]).cumsum(0)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=training.steps)
    losses = []
    model.train()
    for _ in trange(training.steps, desc="training CLIP", unit="step", disable=None):
        rows = torch.randperm(len(captions), generator=rng)[: training.batch_size]
        starts = torch.where(rows > 0, ends[rows - 1], 0)
        uniform = torch.rand(len(rows), generator=rng)
        chosen = starts + (uniform * (ends[rows] - starts)).long()
        # Attention is causal and the output is read at the first end token: padding needs no mask.
        ids = tokens.input_ids[chosen, : int(lengths[chosen].max())]
        image = normalize(model.get_image_features(pixel_values=pixels[rows]).pooler_output)
        text = normalize(model.get_text_features(input_ids=ids).pooler_output)
        logits = model.logit_scale.exp() * image @ text.T
        right = torch.arange(len(rows))
        loss = (cross_entropy(logits, right) + cross_entropy(logits.T, right)) / 2
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    model.eval()
    last = losses[-max(1, len(losses) // 10) :]
    return sum(last) / len(last)

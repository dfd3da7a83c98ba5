"""A CLIP with random weights and a handful of parameters, in the hub's layout."""

from pathlib import Path

import torch
from transformers import CLIPImageProcessorPil

from caption_curation.config.pretraining import ClipSize
from caption_curation.demo_models.clip import build_clip
from caption_curation.text_to_image.bases.scratch import train_tokenizer

SIZE = ClipSize(
    hidden_size=16,
    heads=2,
    text_layers=1,
    vision_layers=1,
    patch_size=4,
    projection=8,
    vocabulary_size=600,
)


def write_tiny_clip(folder: Path) -> Path:
    """Save it, its weights as fp16; it takes images of 8 pixels."""
    tokenizer = train_tokenizer(["a red ring", "two blue bars"], SIZE.vocabulary_size)
    torch.manual_seed(1)
    build_clip(SIZE, tokenizer, 8).half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    size = {"height": 8, "width": 8}
    CLIPImageProcessorPil(size={"shortest_edge": 8}, crop_size=size).save_pretrained(folder)
    return folder

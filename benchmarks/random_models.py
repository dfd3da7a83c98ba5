"""Models of the published sizes with random weights: their speed does not depend on the weights.

The sizes are those of the configuration files on the hub: Salesforce/blip-image-captioning-base
and stable-diffusion-v1-5/stable-diffusion-v1-5.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from caption_curation.captioner.bases import scratch as scratch_captioner
from caption_curation.captioner.model.captioner import Captioner
from caption_curation.text_to_image.bases import scratch as scratch_generator

Config = Mapping[str, Any]


@dataclass(frozen=True)
class BlipSize:
    """Arguments of transformers' BlipVisionConfig and BlipTextConfig."""

    vision: Config
    text: Config


@dataclass(frozen=True)
class DiffusionSize:
    """Arguments of diffusers' UNet2DConditionModel and AutoencoderKL, and of CLIPTextConfig."""

    unet: Config
    autoencoder: Config
    text_encoder: Config


BLIP_BASE = BlipSize(
    vision={
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "image_size": 384,
        "patch_size": 16,
    },
    text={
        "vocab_size": 30524,
        "hidden_size": 768,
        "encoder_hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "max_position_embeddings": 512,
    },
)

STABLE_DIFFUSION_15 = DiffusionSize(
    unet={
        "sample_size": 64,
        "in_channels": 4,
        "out_channels": 4,
        "down_block_types": (*("CrossAttnDownBlock2D",) * 3, "DownBlock2D"),
        "up_block_types": ("UpBlock2D", *("CrossAttnUpBlock2D",) * 3),
        "block_out_channels": (320, 640, 1280, 1280),
        "layers_per_block": 2,
        "cross_attention_dim": 768,
        "attention_head_dim": 8,
    },
    autoencoder={
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "block_out_channels": (128, 256, 512, 512),
        "layers_per_block": 2,
        "latent_channels": 4,
        "sample_size": 512,
    },
    text_encoder={
        "vocab_size": 49408,
        "hidden_size": 768,
        "intermediate_size": 3072,
        "projection_dim": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
    },
)


def random_captioner(size: BlipSize, captions: Iterable[str]) -> Captioner:
    """A BLIP on the CPU; its tokenizer, learned from ``captions``, may leave tokens unused."""
    from transformers import (
        BlipConfig,
        BlipForConditionalGeneration,
        BlipTextConfig,
        BlipVisionConfig,
    )

    tokenizer = scratch_captioner.train_tokenizer(captions, size.text["vocab_size"])
    text = BlipTextConfig(
        **size.text,
        bos_token_id=tokenizer.convert_tokens_to_ids("[DEC]"),
        sep_token_id=tokenizer.sep_token_id,
        eos_token_id=tokenizer.sep_token_id,
        pad_token_id=tokenizer.pad_token_id,
        is_decoder=True,
    )
    # The library's default for the vision encoder, 1e-10, makes all images look alike.
    vision = BlipVisionConfig(**size.vision, initializer_range=0.02)
    config = BlipConfig(text_config=text.to_dict(), vision_config=vision.to_dict())
    torch.manual_seed(0)
    model = BlipForConditionalGeneration(config)
    return Captioner(model, tokenizer, torch.device("cpu"), vision.image_size)


def random_generator(size: DiffusionSize, captions: Iterable[str]) -> Any:
    """A StableDiffusionPipeline on the CPU, without safety checker.

    Its tokenizer, learned from ``captions``, may leave tokens of the text encoder unused.
    """
    from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline
    from diffusers import UNet2DConditionModel as UNet
    from transformers import CLIPTextConfig, CLIPTextModel

    tokenizer = scratch_generator.train_tokenizer(captions, size.text_encoder["vocab_size"])
    text = CLIPTextConfig(
        **size.text_encoder,
        max_position_embeddings=scratch_generator.PROMPT_TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    return StableDiffusionPipeline(
        vae=AutoencoderKL(**size.autoencoder),
        text_encoder=CLIPTextModel(text).eval(),
        tokenizer=tokenizer,
        unet=UNet(**size.unet).eval(),
        # The published scheduler's settings; load_generator puts the sampler in its place.
        scheduler=DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )

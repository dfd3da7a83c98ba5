"""A tiny Stable Diffusion built from scratch: the real architectures, trained where it is cheap.

The autoencoder and the tokenizer are trained on the corpus; the text encoder and the denoising
network are random. Fine-tuning then trains the denoising network alone, so the text encoder stays
a random projection of the prompt, which is enough to tell words and their positions apart.
"""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from caption_curation.config.profile import ScratchGenerator, TextEncoderSize, UNetSize
from caption_curation.rng import seed_for
from caption_curation.samples import CaptionedImage
from caption_curation.text_to_image.bases.autoencoder import (
    build_autoencoder,
    normalise_latents,
    train_autoencoder,
)
from caption_curation.text_to_image.pixels import read_image

PROMPT_TOKENS = 77  # CLIP's
START, END = "<|startoftext|>", "<|endoftext|>"


def build_generator(
    size: ScratchGenerator,
    images: Iterable[CaptionedImage],
    files: Iterable[Path],
    image_size: int,
) -> Any:
    """A StableDiffusionPipeline of the configured size, its autoencoder and tokenizer trained.

    Args:
        size: of all parts, the autoencoder's training, and the seed of everything random.
        images: the corpus to train the tokenizer on.
        files: its images, to train the autoencoder on.
        image_size: width and height in pixels.

    Returns:
        The pipeline, on the CPU; ``save_pretrained`` writes it in the hub's layout.
    """
    from diffusers import StableDiffusionPipeline

    tokenizer = train_tokenizer(
        (caption for image in images for caption in image.captions),
        size.text_encoder.vocabulary_size,
    )
    pixels = np.stack([read_image(file, image_size) for file in files])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_for(size.seed, "generator weights"))
        autoencoder = build_autoencoder(size.autoencoder, image_size)
        text_encoder = build_text_encoder(size.text_encoder, tokenizer)
        unet = build_unet(size, image_size)
    rng = torch.Generator().manual_seed(seed_for(size.seed, "autoencoder"))
    train_autoencoder(autoencoder, pixels, size.autoencoder, rng)
    normalise_latents(autoencoder, pixels, size.autoencoder.batch_size)
    return StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=text_encoder.eval(),
        tokenizer=tokenizer,
        unet=unet.eval(),
        scheduler=noise_schedule(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def train_tokenizer(texts: Iterable[str], vocabulary_size: int) -> Any:
    """A CLIP tokenizer (lower case, byte-level BPE) whose merges are learned from ``texts``.

    Its vocabulary begins with all 256 bytes, within a word and at its end, so that it can encode
    any text, including words that are not in ``texts``.

    Args:
        texts: text like that of the prompts to come.
        vocabulary_size: number of tokens at most; fewer where the texts run out of pairs to merge.
    """
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.trainers import BpeTrainer
    from transformers import CLIPTokenizer

    alphabet = sorted(ByteLevel.alphabet())
    characters = [*alphabet, *(f"{byte}</w>" for byte in alphabet)]
    untrained = CLIPTokenizer(vocab=_numbered([*characters, START, END]), merges=[])
    learner = Tokenizer(BPE(end_of_word_suffix="</w>"))
    learner.normalizer = untrained.backend_tokenizer.normalizer
    learner.pre_tokenizer = untrained.backend_tokenizer.pre_tokenizer
    # The trainer numbers characters at a word's end in the order of a hash table, which differs
    # between processes, and breaks ties between merges by number. Listing them all fixes the order.
    trainer = BpeTrainer(
        vocab_size=vocabulary_size - 2,  # without start and end
        special_tokens=characters,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    learned = json.loads(learner.to_str())["model"]
    tokens = sorted(learned["vocab"], key=learned["vocab"].get)
    return CLIPTokenizer(
        vocab=_numbered([*tokens, START, END]),
        merges=[(first, second) for first, second in learned["merges"]],
        model_max_length=PROMPT_TOKENS,
    )


def _numbered(tokens: list[str]) -> dict[str, int]:
    return {token: index for index, token in enumerate(tokens)}


def build_text_encoder(size: TextEncoderSize, tokenizer: Any) -> Any:
    """A CLIP text encoder with random weights from torch's global random state."""
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.hidden_size,
        intermediate_size=4 * size.hidden_size,
        projection_dim=size.hidden_size,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        max_position_embeddings=PROMPT_TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)


def build_unet(size: ScratchGenerator, image_size: int) -> Any:
    """A denoising network with random weights from torch's global random state.

    The first block has convolutions only, the others cross-attend to the prompt; a pooled prompt
    embedding is added to the time embedding as well.
    """
    from diffusers import UNet2DConditionModel

    unet: UNetSize = size.unet
    attending = len(unet.channels) - 1
    return UNet2DConditionModel(
        sample_size=image_size // 2 ** (len(size.autoencoder.channels) - 1),
        in_channels=size.autoencoder.latent_channels,
        out_channels=size.autoencoder.latent_channels,
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * attending),
        up_block_types=(*("CrossAttnUpBlock2D",) * attending, "UpBlock2D"),
        block_out_channels=tuple(unet.channels),
        layers_per_block=1,
        norm_num_groups=math.gcd(32, *unet.channels),
        cross_attention_dim=size.text_encoder.hidden_size,
        attention_head_dim=unet.heads,  # the number of heads, whatever its name says
        addition_embed_type="text",
        addition_embed_type_num_heads=size.text_encoder.heads,
    )


def noise_schedule() -> Any:
    """Stable Diffusion's noise schedule with zero terminal SNR and v-prediction.

    Lin et al. 2024, "Common Diffusion Noise Schedules and Sample Steps are Flawed": without it,
    no image gets very dark or very bright.
    """
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )

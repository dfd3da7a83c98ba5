"""Published models of every family by their configurations: their speed needs no weights.

Each configuration is that of the hub's repository, as the public copy that is named with it shows
it, without what is the library's default. A test compares the parameters that they make with the
published numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import torch

Config = Mapping[str, Any]
CLIP_TOKENIZER, T5_TOKENIZER, GEMMA_TOKENIZER = "clip", "t5", "gemma"


@dataclass(frozen=True)
class Part:
    """A network or a schedule: its class, and what configures it.

    Attributes:
        name: such as ``diffusers.AutoencoderKL``.
        config: arguments of the class, or of transformers' configuration of it.
    """

    name: str
    config: Config = field(default_factory=dict)

    @property
    def library(self) -> str:
        """As ``model_index.json`` has it."""
        return self.name.partition(".")[0]

    @property
    def kind(self) -> str:
        """The class's name."""
        return self.name.rpartition(".")[2]

    def make(self, device: torch.device, dtype: torch.dtype) -> Any:
        """It, with random weights; on the device ``meta`` it has none."""
        made = getattr(import_module(self.library), self.kind)
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        try:
            with device:
                if self.library == "transformers":
                    return made(made.config_class(**self.config)).eval()
                network = made(**self.config)
        finally:
            torch.set_default_dtype(before)
        return network.eval() if isinstance(network, torch.nn.Module) else network


@dataclass(frozen=True)
class PublishedGenerator:
    """A generator, and how its card or diffusers' documentation draws with it.

    Attributes:
        models: what profiles call it.
        pipeline: its class in diffusers.
        parts: by their names in the pipeline; of a tokenizer only its kind.
        image_size: width and height of images in pixels.
        steps: an image.
        guidance: 1: none.
        images: drawn at a time.
    """

    models: tuple[str, ...]
    pipeline: str
    parts: Mapping[str, Part | str]
    image_size: int
    steps: int
    guidance: float
    images: int = 8


def _clip_l(kind: str) -> Part:
    """The text encoder of CLIP ViT-L/14 (openai/clip-vit-large-patch14)."""
    return Part(
        f"transformers.{kind}",
        {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
         "num_attention_heads": 12, "projection_dim": 768, "vocab_size": 49408},
    )  # fmt: skip


# lllyasviel/stable-diffusion-webui-forge, backend/huggingface: SDXL's (inpainting) text_encoder_2
CLIP_G = Part(
    "transformers.CLIPTextModelWithProjection",
    {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "hidden_act": "gelu",
     "num_attention_heads": 20, "projection_dim": 1280, "vocab_size": 49408},
)  # fmt: skip
# likewise, stabilityai/stable-diffusion-3-medium-diffusers/text_encoder_3
T5_XXL = Part(
    "transformers.T5EncoderModel",
    {"d_ff": 10240, "d_kv": 64, "d_model": 4096, "num_heads": 64, "num_layers": 24,
     "feed_forward_proj": "gated-gelu", "vocab_size": 32128},
)  # fmt: skip


def _autoencoder(channels: int, **settings: Any) -> Part:
    """As of Stable Diffusion, but for its latents."""
    return Part(
        "diffusers.AutoencoderKL",
        {"down_block_types": ("DownEncoderBlock2D",) * 4,
         "up_block_types": ("UpDecoderBlock2D",) * 4,
         "block_out_channels": (128, 256, 512, 512), "layers_per_block": 2,
         "latent_channels": channels, "sample_size": 1024, **settings},
    )  # fmt: skip


FLOW = Part("diffusers.FlowMatchEulerDiscreteScheduler", {"shift": 3.0})

SDXL = PublishedGenerator(
    models=("stabilityai/stable-diffusion-xl-base-1.0",),
    pipeline="StableDiffusionXLPipeline",
    parts={
        # forge, diffusers/stable-diffusion-xl-1.0-inpainting-0.1, but for its five more channels
        "unet": Part(
            "diffusers.UNet2DConditionModel",
            {"sample_size": 128, "in_channels": 4, "out_channels": 4,
             "block_out_channels": (320, 640, 1280), "layers_per_block": 2,
             "down_block_types": ("DownBlock2D", *("CrossAttnDownBlock2D",) * 2),
             "up_block_types": (*("CrossAttnUpBlock2D",) * 2, "UpBlock2D"),
             "transformer_layers_per_block": (1, 2, 10), "attention_head_dim": (5, 10, 20),
             "cross_attention_dim": 2048, "use_linear_projection": True,
             "addition_embed_type": "text_time", "addition_time_embed_dim": 256,
             "projection_class_embeddings_input_dim": 2816},
        ),
        "vae": _autoencoder(4, scaling_factor=0.13025),
        "text_encoder": _clip_l("CLIPTextModel"),
        "text_encoder_2": CLIP_G,
        "tokenizer": CLIP_TOKENIZER,
        "tokenizer_2": CLIP_TOKENIZER,
        "scheduler": Part(
            "diffusers.EulerDiscreteScheduler",
            {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
             "steps_offset": 1, "timestep_spacing": "leading"},
        ),
    },
    image_size=1024, steps=30, guidance=7.5,
)  # fmt: skip

SD3_MEDIUM = PublishedGenerator(
    models=("stabilityai/stable-diffusion-3-medium-diffusers",),
    pipeline="StableDiffusion3Pipeline",
    parts={
        # forge, stabilityai/stable-diffusion-3-medium-diffusers
        "transformer": Part(
            "diffusers.SD3Transformer2DModel",
            {"sample_size": 128, "patch_size": 2, "in_channels": 16, "out_channels": 16,
             "num_layers": 24, "num_attention_heads": 24, "attention_head_dim": 64,
             "joint_attention_dim": 4096, "caption_projection_dim": 1536,
             "pooled_projection_dim": 2048, "pos_embed_max_size": 192},
        ),
        "vae": _autoencoder(16, scaling_factor=1.5305, shift_factor=0.0609,
                            use_quant_conv=False, use_post_quant_conv=False),
        "text_encoder": _clip_l("CLIPTextModelWithProjection"),
        "text_encoder_2": CLIP_G,
        "text_encoder_3": T5_XXL,
        "tokenizer": CLIP_TOKENIZER,
        "tokenizer_2": CLIP_TOKENIZER,
        "tokenizer_3": T5_TOKENIZER,
        "scheduler": FLOW,
    },
    image_size=1024, steps=28, guidance=7.0,
)  # fmt: skip

FLUX_SCHNELL = PublishedGenerator(
    models=("black-forest-labs/FLUX.1-schnell",),
    pipeline="FluxPipeline",
    parts={
        # forge, black-forest-labs/FLUX.1-schnell
        "transformer": Part(
            "diffusers.FluxTransformer2DModel",
            {"patch_size": 1, "in_channels": 64, "num_layers": 19, "num_single_layers": 38,
             "attention_head_dim": 128, "num_attention_heads": 24, "joint_attention_dim": 4096,
             "pooled_projection_dim": 768, "guidance_embeds": False},
        ),
        "vae": _autoencoder(16, scaling_factor=0.3611, shift_factor=0.1159,
                            use_quant_conv=False, use_post_quant_conv=False),
        "text_encoder": _clip_l("CLIPTextModel"),
        "text_encoder_2": T5_XXL,
        "tokenizer": CLIP_TOKENIZER,
        "tokenizer_2": T5_TOKENIZER,
        "scheduler": FLOW,
    },
    image_size=1024, steps=4, guidance=1.0,
)  # fmt: skip

PIXART_SIGMA = PublishedGenerator(
    models=("PixArt-alpha/PixArt-Sigma-XL-2-1024-MS",),
    pipeline="PixArtSigmaPipeline",
    parts={
        # the defaults of diffusers, which are PixArt's: depth 28, 16 heads of 72, patches of 2
        "transformer": Part(
            "diffusers.PixArtTransformer2DModel",
            {"sample_size": 128, "patch_size": 2, "in_channels": 4, "out_channels": 8,
             "num_layers": 28, "num_attention_heads": 16, "attention_head_dim": 72,
             "cross_attention_dim": 1152, "caption_channels": 4096,
             "use_additional_conditions": False},
        ),
        "vae": _autoencoder(4, scaling_factor=0.13025),
        "text_encoder": T5_XXL,
        "tokenizer": T5_TOKENIZER,
        "scheduler": Part("diffusers.DPMSolverMultistepScheduler",
                          {"beta_start": 0.0001, "beta_end": 0.02}),
    },
    image_size=1024, steps=20, guidance=4.5,
)  # fmt: skip

_BLOCKS = ("ResBlock",) * 3 + ("EfficientViTBlock",) * 3
_SCALES = ((), (), (), (5,), (5,), (5,))
SANA = PublishedGenerator(
    models=("Efficient-Large-Model/Sana_600M_1024px_diffusers",),
    pipeline="SanaPipeline",
    parts={
        # wlejon/brodiffusion, its test of Sana 0.6B; the encoder is used by fine-tuning alone
        "transformer": Part(
            "diffusers.SanaTransformer2DModel",
            {"sample_size": 32, "patch_size": 1, "in_channels": 32, "out_channels": 32,
             "num_layers": 28, "num_attention_heads": 36, "attention_head_dim": 32,
             "num_cross_attention_heads": 16, "cross_attention_head_dim": 72,
             "cross_attention_dim": 1152, "caption_channels": 2304, "mlp_ratio": 2.5},
        ),
        "vae": Part(
            "diffusers.AutoencoderDC",
            {"latent_channels": 32, "attention_head_dim": 32,
             "encoder_block_types": _BLOCKS, "decoder_block_types": _BLOCKS,
             "encoder_block_out_channels": (128, 256, 512, 512, 1024, 1024),
             "decoder_block_out_channels": (128, 256, 512, 512, 1024, 1024),
             "encoder_layers_per_block": (2, 2, 2, 3, 3, 3),
             "decoder_layers_per_block": (3, 3, 3, 3, 3, 3),
             "encoder_qkv_multiscales": _SCALES, "decoder_qkv_multiscales": _SCALES,
             "downsample_block_type": "Conv", "upsample_block_type": "interpolate",
             "decoder_norm_types": "rms_norm", "decoder_act_fns": "silu",
             "scaling_factor": 0.41407},
        ),
        "text_encoder": Part(
            "transformers.Gemma2Model",
            {"vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216, "head_dim": 256,
             "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4},
        ),
        "tokenizer": GEMMA_TOKENIZER,
        "scheduler": Part(
            "diffusers.DPMSolverMultistepScheduler",
            {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0},
        ),
    },
    image_size=1024, steps=20, guidance=4.5,
)  # fmt: skip

GENERATORS = (SDXL, SD3_MEDIUM, FLUX_SCHNELL, PIXART_SIGMA, SANA)

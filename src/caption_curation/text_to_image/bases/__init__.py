"""Base generators to fine-tune: built from scratch, or models in the hub's layout."""

PIPELINE = "StableDiffusionPipeline"  # the class that model_index.json must name
# What a Stable Diffusion in the hub's layout consists of.
REQUIRED_FILES = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/tokenizer.json|tokenizer/vocab.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
)
OPTIONAL_FILES = ("safety_checker/model.safetensors",)

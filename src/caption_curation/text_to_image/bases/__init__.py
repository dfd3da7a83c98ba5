"""Base generators to fine-tune: built from scratch, or models in the hub's layout."""

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
# What each component consists of, where model_index.json names it.
COMPONENT_FILES = {
    "feature_extractor": ("preprocessor_config.json",),
    "safety_checker": ("config.json", "model.safetensors"),
    "scheduler": ("scheduler_config.json",),
    "text_encoder": ("config.json", "model.safetensors"),
    "tokenizer": (),  # in either form; see above
    "unet": ("config.json", "diffusion_pytorch_model.safetensors"),
    "vae": ("config.json", "diffusion_pytorch_model.safetensors"),
}

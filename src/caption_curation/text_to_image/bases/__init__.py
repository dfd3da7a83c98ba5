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

WEIGHTS = {"diffusers": "diffusion_pytorch_model", "transformers": "model"}  # without an ending
TOKENIZERS = ("tokenizer.json", "vocab.json", "spiece.model", "tokenizer.model")


def files_of_component(name: str, library: str) -> list[str]:
    """What a component of any family's pipeline consists of, relative to the model's folder.

    Weights may be in one file or in several, and a tokenizer in any of its forms (``a|b``).

    Args:
        name: of the component.
        library: of its class.
    """
    if name.startswith("tokenizer"):
        return ["|".join(f"{name}/{file}" for file in TOKENIZERS)]
    if name == "scheduler":
        return [f"{name}/scheduler_config.json"]
    if name == "feature_extractor":
        return [f"{name}/preprocessor_config.json"]
    weights = WEIGHTS.get(library, "model")
    return [
        f"{name}/config.json",
        f"{name}/{weights}.safetensors|{name}/{weights}-*.safetensors",
    ]

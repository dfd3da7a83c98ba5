"""The captioner as a model: loading it, its tokens, its pixels."""

# What a captioner in the hub's layout consists of; ``a|b``: either will do. It is here, not beside
# the loader, so that checking a folder does not import torch.
REQUIRED_FILES = (
    "config.json",
    "model.safetensors|model-*-of-*.safetensors",
    "tokenizer.json|tokenizer.model|spiece.model|vocab.json|vocab.txt",
    "preprocessor_config.json|processor_config.json",
)
# And an adapter of a base model (:mod:`.adapters`).
ADAPTER_SETTINGS = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
ADAPTER_BASE = "base.json"
ADAPTER_FILES = (ADAPTER_SETTINGS, ADAPTER_WEIGHTS, ADAPTER_BASE)

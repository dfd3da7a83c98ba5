"""The captioner as a model: loading it, its tokens, its pixels."""

# What a captioner in the hub's layout consists of. It is here, not beside the loader, so that
# checking a folder does not import torch.
REQUIRED_FILES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "preprocessor_config.json",
)

"""CLIPScore and RefCLIPScore: the model, its embeddings, and the scores computed from them."""

# What a CLIP in the hub's layout consists of. It stands here, and not beside the loader, so that
# checking a folder does not import torch.
REQUIRED_FILES = (
    "config.json",
    "model.safetensors",
    "preprocessor_config.json",
    "tokenizer.json|vocab.json",
)

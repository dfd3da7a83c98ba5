"""What a CLIP in the hub's layout consists of."""

REQUIRED_PARTS = (
    "config.json",
    "model.safetensors",
    "preprocessor_config.json",
    "tokenizer.json|vocab.json",
)

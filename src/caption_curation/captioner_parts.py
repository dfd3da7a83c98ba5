"""What a captioner in the hub's layout consists of."""

REQUIRED_PARTS = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "preprocessor_config.json",
)

"""The second pipeline: it makes the base models that the demo fine-tunes."""

from pathlib import Path

WORLDS = Path("data/pretrain/worlds")  # shifted/, demo/: images; train.jsonl, scenes.jsonl
UNTRAINED_GENERATOR = Path("data/pretrain/generator")
MODELS = Path("data/demo_models")

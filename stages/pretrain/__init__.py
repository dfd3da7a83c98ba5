"""The second pipeline: it makes the base models that the demo fine-tunes.

Its outputs lie in ``data/pretrain``; the last stage copies the models to ``data/demo_models``,
which git keeps. If that folder were an output, the main pipeline would depend on this one, and a
fresh clone would train what it has.
"""

from pathlib import Path

WORLDS = Path("data/pretrain/worlds")  # shifted/, demo/: images; NAME.jsonl, NAME_scenes.jsonl
CAPTIONER = Path("data/pretrain/captioner")
UNTRAINED_GENERATOR = Path("data/pretrain/untrained_generator")
GENERATOR = Path("data/pretrain/generator")
CLIP = Path("data/pretrain/clip")
SENTENCE_ENCODER = Path("data/pretrain/sentence_encoder")
MODELS = Path("data/demo_models")  # a folder a model, README.md, two .json

"""Stands in for the models in the stages of the benchmark of scale, and writes down what each cost.

Python imports this module at start-up when its folder is on PYTHONPATH. If the environment variable
``SCALE_LOG`` names a file, every process appends one line of JSON to it at its end: its command,
its CPU seconds, and its peak memory. In the process of a stage, the functions that run a model are
replaced as their modules are imported; everything else is the project's own code. Nothing of this
is part of the product, which has no switch for it.

What the stand-ins give is what models would give in number and kind, at random, and the same in
every run: losses that differ from epoch to epoch, captions, vectors, and small JPEG pictures.
"""

import os

if "SCALE_LOG" in os.environ:
    import atexit
    import importlib.abc
    import json
    import sys
    import time
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType
    from typing import Any

    WORDS = ("a", "the", "man", "dog", "street", "red", "on", "of", "two", "table", "near")
    CAPTION_WORDS = 9
    DIMENSIONS = 512  # of CLIP's vectors
    BATCH = 16  # samples that are really trained on: the optimizer must have a state

    def write() -> None:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        times = os.times()
        line = {
            "words": sys.orig_argv[1:],
            "cpu": time.process_time(),
            "children_cpu": times.children_user + times.children_system,
            "peak": int(peak.split()[1]) * 1024,
        }
        with Path(os.environ["SCALE_LOG"]).open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")

    def rng(*seeds: int) -> Any:
        """A generator that depends on the stage's command, so that epochs differ."""
        import numpy as np

        return np.random.default_rng([*" ".join(sys.orig_argv[2:]).encode(), *seeds])

    def train_on_one_batch(original: Callable[..., Any]) -> Callable[..., Any]:
        def train_epoch(
            captioner: Any, optimizer: Any, samples: Any, *others: Any, **more: Any
        ) -> Any:
            return original(captioner, optimizer, samples[:BATCH], *others, **more)

        return train_epoch

    def random_losses(original: Callable[..., Any]) -> Callable[..., Any]:
        def sample_losses(captioner: Any, samples: Any, *others: Any, **more: Any) -> Any:
            from caption_curation.samples import SampleLoss

            means = rng().gamma(4.0, 0.7, len(samples)).tolist()
            return [
                SampleLoss(sample.sample_id, mean * 11, mean, 11, mean * 11 + 5)
                for sample, mean in zip(samples, means, strict=True)
            ]

        return sample_losses

    def random_captions(original: Callable[..., Any]) -> Callable[..., Any]:
        def generate_captions(captioner: Any, files: Any, **more: Any) -> Any:
            chosen = rng().integers(0, len(WORDS), (len(files), CAPTION_WORDS)).tolist()
            return [" ".join(WORDS[word] for word in words) for words in chosen]

        return generate_captions

    def random_vectors(original: Callable[..., Any]) -> Callable[..., Any]:
        def encode(clip: Any, inputs: Any, *others: Any) -> Any:
            return rng(len(inputs)).normal(size=(len(inputs), DIMENSIONS)).astype("float32")

        return encode

    def random_pictures(original: Callable[..., Any]) -> Callable[..., Any]:
        def image_generator(
            generator: Any, synthesis: Any, image_size: int, batch_size: int
        ) -> Any:
            from PIL import Image

            noise = Image.effect_noise((image_size, image_size), 60)
            pictures = [noise.rotate(angle) for angle in (0, 90, 180, 270)]
            return lambda requests: [pictures[request.seed % 4] for request in requests]

        return image_generator

    STAND_INS: dict[str, dict[str, Callable[[Callable[..., Any]], Callable[..., Any]]]] = {
        "caption_curation.captioner.training.epoch": {"train_epoch": train_on_one_batch},
        "caption_curation.captioner.scoring": {"sample_losses": random_losses},
        "caption_curation.captioner.captioning": {"generate_captions": random_captions},
        "caption_curation.metrics.clip.model": {
            "encode_images": random_vectors,
            "encode_texts": random_vectors,
        },
        "caption_curation.text_to_image.synthesis.requests": {"image_generator": random_pictures},
    }

    class Substitute(importlib.abc.MetaPathFinder):
        """Finds these modules as usual, and replaces their functions once they are loaded."""

        def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> Any:
            if name not in STAND_INS:
                return None
            sys.meta_path.remove(self)
            try:
                spec = importlib.util.find_spec(name)
            finally:
                sys.meta_path.insert(0, self)
            assert spec is not None, name
            assert spec.loader is not None, name
            load = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                load(module)
                for function, stand_in in STAND_INS[name].items():
                    setattr(module, function, stand_in(getattr(module, function)))

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
            return spec

    atexit.register(write)  # as the first, so that it runs as the last
    if any(word.startswith("stages.") for word in sys.orig_argv[1:3]):
        import importlib.util

        sys.meta_path.insert(0, Substitute())

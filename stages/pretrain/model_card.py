"""Measure the demo's base models against the ground truth, and write their model card."""

import json
import os
import platform
import shutil
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from diffusers.utils.logging import disable_progress_bar

from caption_curation.compute.devices import prepare_device
from caption_curation.config.corpora import DemoWorldSource, PlantedNoise, SplitSizes
from caption_curation.config.params import Params, load_params
from caption_curation.demo_world.rendering import render
from caption_curation.demo_world.scenes import Scene
from caption_curation.demo_world.style import DEFAULT
from caption_curation.demo_world.world import make_world, render_images
from caption_curation.ground_truth.scene_checker import Facts, SceneChecker
from caption_curation.metrics.clip.model import encode_images, encode_texts, load_clip
from caption_curation.metrics.clip.score import PREFIX, clip_scores
from caption_curation.model_files import file_digest
from caption_curation.model_loading import load_pipeline
from caption_curation.pretrained import DEMO_DIGESTS
from caption_curation.samples import CaptionedImage
from caption_curation.text_to_image.fine_tuning.latent_files import encode_corpus
from caption_curation.text_to_image.fine_tuning.training import fine_tune
from caption_curation.text_to_image.image_store import ImageRequest, image_seed
from caption_curation.text_to_image.prompts import image_prompt
from caption_curation.text_to_image.synthesis.requests import image_generator
from stages import run
from stages.pretrain import CAPTIONER, CLIP, GENERATOR, MODELS, SENTENCE_ENCODER

SCRATCH = Path("data/pretrain/measurement")
HELD_OUT_SEED = 4242  # of scenes that no training has seen
SCENES = 300
CHOICES = 100  # captions that CLIP chooses among

CARD = """# Base models of the demo

A BLIP captioner, a Stable Diffusion generator and a CLIP at tiny sizes, in the Hugging Face hub's
layout. The first two stand for the pretrained models of the paper: both were trained on a *shifted*
version of the drawn demo world (a third of the colours, a quarter of the backgrounds and most of
the words are others, the compositions are the same), so that the demo's fine-tuning has something
to learn. Beside them is a Sentence-BERT for prompts of mode `sbert`, which knows the captions of
both worlds.

- **Made by** `dvc repro stages/pretrain/dvc.yaml` with `stages/pretrain/params.yaml`: 48 CPU
  minutes, on one core of a busy machine of two. Deterministic for a given machine and revision of
  the code.
- **Data**: drawings and captions made by `caption_curation.corpora`; no photographs, no third-party
  data. The generator's autoencoder and text encoder and both tokenizers also saw clean drawings and
  captions in the demo's own style, because none of them is fine-tuned later.
- **CLIP** is for the demo's CLIPScore alone. It was trained for 3 CPU minutes on drawings and
  captions of both worlds and knows nothing else: its CLIPScores compare experiments of the demo,
  and never with published ones.
- **Use**: the `demo` profile. They know nothing but five shapes; they are of no other use.
- **Licence**: Apache-2.0, like the repository.

Measured on {machine}, by `python -m stages.pretrain.model_card`, on {scenes} scenes of the demo
world that no training has seen. Right means that the ground-truth checker finds background, count,
colours, shapes and relation all right.

| images | right |
|---|---|
{rows}

The CLIP on the same scenes, with the first caption of each:

| | |
|---|---|
{clip_rows}

| file | SHA-256 | size |
|---|---|---|
{files}
"""


def main() -> None:
    """Write data/demo_models: the models, README.md and measurements.json."""
    params = load_params()
    device = prepare_device()
    disable_progress_bar()
    settings = params.profile.generator
    size = settings.image_size
    scenes, images = held_out(size)
    checker = SceneChecker(DEFAULT)
    concat = [
        image_prompt(image.captions, "", mode="concat", styler="", joining="verbatim")
        for image in images
    ]
    single = [image.captions[0] for image in images]

    results: dict[str, dict[str, float]] = {}
    drawn = [render(scene, DEFAULT, size) for scene in scenes]
    results["real drawings (the checker itself)"] = judge(checker, drawn, scenes)
    results["real drawings through the autoencoder"] = judge(
        checker, restore(GENERATOR, drawn), scenes
    )
    results["base generator, five captions"] = judge(
        checker, draw(GENERATOR, concat, images, params), scenes
    )
    fine_tuned = SCRATCH / "fine_tuned"
    corpus = training_corpus(params)
    encode_corpus(
        GENERATOR,
        [SCRATCH / "corpus" / "images" / image.file_name for image in corpus],
        SCRATCH / "latents",
        image_size=size,
        device=device,
    )
    fine_tune(
        GENERATOR,
        fine_tuned,
        corpus,
        SCRATCH / "latents",
        settings.fine_tuning,
        seed=params.experiment.generator_seed,
        device=device,
        checkpoints=SCRATCH / "checkpoints",
        checkpoint_steps=settings.checkpoint_steps,
    )
    for name, prompts in (("five captions", concat), ("one caption", single)):
        results[f"after the demo's fine-tuning, {name}"] = judge(
            checker, draw(fine_tuned, prompts, images, params), scenes
        )
    shutil.rmtree(SCRATCH)
    publish()
    write_card(results, measure_clip(drawn, images))


def publish() -> None:
    """Replace data/demo_models by the pretrained models."""
    shutil.rmtree(MODELS, ignore_errors=True)
    for folder in (CAPTIONER, GENERATOR, CLIP, SENTENCE_ENCODER):
        # Without their modes: files that DVC has linked from its cache are read-only.
        shutil.copytree(folder, MODELS / folder.name, copy_function=shutil.copyfile)
    digests = {
        folder.name: {
            path.relative_to(folder).as_posix(): file_digest(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        for folder in sorted(MODELS.iterdir())
    }
    DEMO_DIGESTS.write_text(json.dumps(digests, indent=1) + "\n")


def held_out(image_size: int) -> tuple[list[Scene], list[CaptionedImage]]:
    """Scenes of the demo world that are in no corpus, with their captions."""
    world = make_world(_source(HELD_OUT_SEED, SCENES, image_size), DEFAULT, ["train"])
    return [image.scene for image in world.images], world.corpus(["train"]).splits["train"]


def training_corpus(params: Params) -> list[CaptionedImage]:
    """The corpus that the demo fine-tunes its generator on, drawn again."""
    source = params.profile.generator_data
    assert isinstance(source, DemoWorldSource), "the demo profile has a drawn generator corpus"
    world = make_world(source, DEFAULT, ["train"])
    shutil.rmtree(SCRATCH, ignore_errors=True)
    render_images(world, DEFAULT, source.image_size, SCRATCH / "corpus")
    return world.corpus(["train"]).splits["train"]


def restore(folder: Path, images: Sequence[Any]) -> list[Any]:
    """Images encoded and decoded by a generator's autoencoder: what it can draw at best."""
    import torch

    pipeline = load_pipeline(folder, dtype=torch.float32)
    with torch.inference_mode():
        pixels = pipeline.image_processor.preprocess(list(images))
        latents = pipeline.vae.encode(pixels).latent_dist.mode()
        restored = pipeline.vae.decode(latents).sample
    return list(pipeline.image_processor.postprocess(restored))


def draw(
    folder: Path, prompts: Sequence[str], images: Sequence[CaptionedImage], params: Params
) -> list[Any]:
    """One image a prompt, sampled as params.yaml says."""
    section = params.profile.generator
    size = section.synthesis_batch_size
    draw_batch = image_generator(folder, params.experiment.synthesis, section.image_size, size)
    requests = [
        ImageRequest(prompt, image_seed(image.image_id, 0))
        for prompt, image in zip(prompts, images, strict=True)
    ]
    batches = (requests[start : start + size] for start in range(0, len(requests), size))
    return [image for batch in batches for image in draw_batch(batch)]


def judge(
    checker: SceneChecker, images: Sequence[Any], scenes: Sequence[Scene]
) -> dict[str, float]:
    """Fraction of images in which each fact is right, and in which all are."""
    facts = [checker.check(image, scene) for image, scene in zip(images, scenes, strict=True)]
    names = [field.name for field in fields(Facts)]
    shares = {name: sum(getattr(judged, name) for judged in facts) / len(facts) for name in names}
    return {"all": sum(judged.all_right for judged in facts) / len(facts), **shares}


def measure_clip(drawn: Sequence[Any], images: Sequence[CaptionedImage]) -> dict[str, float]:
    """Whether CLIP finds the caption of an image among ``CHOICES``, and its CLIPScores."""
    import numpy as np

    clip = load_clip(CLIP, prepare_device())
    folder = SCRATCH / "clip"
    folder.mkdir(parents=True)
    files = [folder / f"{number}.png" for number in range(len(drawn))]
    for file, picture in zip(files, drawn, strict=True):
        picture.save(file)
    pictures = encode_images(clip, files)
    captions = encode_texts(clip, [PREFIX + image.captions[0] for image in images])
    shutil.rmtree(SCRATCH)
    count = len(images)
    scores = np.array([clip_scores(np.roll(pictures, n, axis=0), captions) for n in range(count)])
    # scores[n, i]: caption i with the image n places before its own. The other choices are the
    # captions of the images that follow.
    rows = np.arange(count)
    ranked_first = np.all(
        [scores[0] > scores[n, (rows + n) % count] for n in range(1, CHOICES)], axis=0
    )
    return {
        f"right caption first among {CHOICES}": float(ranked_first.mean()),
        "CLIPScore of the right caption": float(scores[0].mean()),
        "CLIPScore of other captions": float(scores[1:].mean()),
    }


def write_card(results: dict[str, dict[str, float]], clip: dict[str, float]) -> None:
    """Write the model card and the measurements that it shows."""
    rows = [
        f"| {name} | {shares['all']:.0%} ("
        + ", ".join(f"{fact} {share:.0%}" for fact, share in shares.items() if fact != "all")
        + ") |"
        for name, shares in results.items()
    ]
    files = [
        f"| {path.relative_to(MODELS).as_posix()} | `{file_digest(path)}` | "
        f"{path.stat().st_size / 1e6:.2f} MB |"
        for path in sorted(MODELS.rglob("*.safetensors"))
    ]
    machine = f"one of {os.cpu_count()} {platform.machine()} CPU cores"
    clip_rows = "\n".join(f"| {name} | {value:.2f} |" for name, value in clip.items())
    card = CARD.format(
        machine=machine,
        scenes=SCENES,
        rows="\n".join(rows),
        clip_rows=clip_rows,
        files="\n".join(files),
    )
    (MODELS / "README.md").write_text(card)
    measurements = json.dumps({**results, "CLIP": clip}, indent=2) + "\n"
    (MODELS / "measurements.json").write_text(measurements)
    print("\n".join(rows), clip_rows, sep="\n")


def _source(seed: int, images: int, image_size: int) -> DemoWorldSource:
    return DemoWorldSource(
        source="demo_world",
        seed=seed,
        image_size=image_size,
        images=SplitSizes(train=images, val=0, test=0),
        noise=PlantedNoise(wrong_caption=0.0, mismatched_image=0.0, long_caption=0.0),
    )


if __name__ == "__main__":
    run(main, check_versions=True)

"""From proposals to requests for synthetic images, and from requests to images."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from sys import intern
from typing import Any

from PIL.Image import Image

from caption_curation.config.experiment import Prompt, Synthesis
from caption_curation.config.profile import Generator
from caption_curation.samples import CaptionedImage, Sample, other_captions
from caption_curation.support.arithmetic import Arithmetic
from caption_curation.text_to_image.family import GENERATORS
from caption_curation.text_to_image.image_store import ImageRequest, Recipe, image_seed
from caption_curation.text_to_image.prompts import image_prompt

Generate = Callable[[list[ImageRequest]], list[Image | None]]


def requests_of(
    samples: Iterable[Sample],
    images: Iterable[CaptionedImage],
    prompt: Prompt,
    sbert_captions: Mapping[str, str],
    candidates: int,
    generator_seed: int,
) -> dict[tuple[str, int], ImageRequest]:
    """The requests for each sample's image, by sample id and number of the candidate (from 1).

    Samples of one original image with the same prompt and replicate are given the same images.

    Args:
        samples: with the caption and replicate that they would have, in the order of the requests.
        images: the split that it was made from; prompts use its captions, which no edit changes.
        prompt: how captions become a prompt.
        sbert_captions: the caption that mode ``sbert`` uses, by image id; empty in other modes.
        candidates: images to draw for each sample.
        generator_seed: the experiment's, of the noise that images begin with.

    Raises:
        ValueError: a sample shows a photograph.
    """
    captions = {image.image_id: image.captions for image in images}
    requests = {}
    for sample in samples:
        if sample.replicate is None:
            raise ValueError(f"sample {sample.sample_id!r} shows a photograph")
        text = prompt_of(
            other_captions(sample, captions[sample.image_id])
            if prompt.mode == "others"
            else captions[sample.image_id],
            sbert_captions[sample.image_id] if prompt.mode == "sbert" else sample.caption,
            prompt,
        )
        text = intern(text)  # samples of an image often share it
        for number in range(1, candidates + 1):
            seed = image_seed(
                sample.image_id, sample.replicate, number, generator_seed=generator_seed
            )
            requests[sample.sample_id, number] = ImageRequest(text, seed)
    return requests


def prompt_of(captions: Sequence[str], caption: str, prompt: Prompt) -> str:
    """The text that an image is generated from.

    Args:
        captions: those that modes ``concat`` and ``others`` join: all of the image, or those that
            are not the sample's own.
        caption: the one that the other modes use: with ``single`` the sample's own, with ``sbert``
            the one that represents all of the image's.
        prompt: how captions become a prompt.
    """
    mode = "concat" if prompt.mode in ("concat", "others") else "single"
    return image_prompt(captions, caption, mode=mode, styler=prompt.styler, joining=prompt.joining)


def recipe_of(
    synthesis: Synthesis, generator: Generator, weights_digest: str, arithmetic: Arithmetic
) -> Recipe:
    """How images are generated and stored with the installed libraries."""
    return Recipe(
        generator=weights_digest,
        sampler=synthesis.sampler,
        steps=synthesis.steps,
        guidance=synthesis.guidance,
        negative_prompt=synthesis.negative_prompt,
        size=(generator.image_size, generator.image_size),
        jpeg_quality=generator.jpeg_quality,
        # Without "+cpu" or "+cu130": these depend on the machine, and machines share their images.
        torch=version("torch").partition("+")[0],
        diffusers=version("diffusers"),
        transformers=version("transformers"),
        arithmetic=arithmetic,
    )


def image_generator(
    folder: Path, synthesis: Synthesis, image_size: int, batch_size: int
) -> Generate:
    """The generator in ``folder`` as a function from a batch of requests to their images.

    The model, and the libraries that it needs, are loaded when the function is first called. It
    returns ``None`` for an image with values that are not finite.

    Args:
        folder: a model in the hub's layout.
        synthesis: sampler, steps, guidance and negative prompt.
        image_size: width and height in pixels.
        batch_size: maximum number of images in a batch; on a GPU smaller batches are padded to it.
    """

    @cache
    def family() -> Any:
        return GENERATORS.load(GENERATORS.name(folder))

    @cache
    def loaded() -> Any:
        return family().load_generator(folder, sampler=synthesis.sampler)

    def generate_batch(batch: list[ImageRequest]) -> list[Image | None]:
        images: list[Image | None] = family().generate(
            loaded(),
            [request.prompt for request in batch],
            [request.seed for request in batch],
            in_windows=[request.in_windows for request in batch],
            steps=synthesis.steps,
            guidance=synthesis.guidance,
            negative_prompt=synthesis.negative_prompt,
            size=(image_size, image_size),
            pad_to=batch_size if loaded().device.type == "cuda" else 1,
        )
        return images

    return generate_batch

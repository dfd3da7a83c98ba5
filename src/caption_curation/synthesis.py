"""From a training set to requests for synthetic images, and from requests to drawn images."""

from collections.abc import Callable, Collection, Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from PIL.Image import Image

from caption_curation.errors import InputError
from caption_curation.image_store import ImageRequest, Recipe, image_seed
from caption_curation.params import Generator, Prompt, Synthesis
from caption_curation.prompts import image_prompt
from caption_curation.samples import CaptionedImage, Sample


def requests_of(
    samples: Iterable[Sample], images: Iterable[CaptionedImage], prompt: Prompt
) -> dict[str, ImageRequest]:
    """What to draw for each sample that shows a synthetic image, by sample id, in their order.

    Several samples may show the same image: those of one image, with equal prompts and replicates.

    Args:
        samples: a training set.
        images: the split that it was made from; prompts are of its captions, which no edit changes.
        prompt: how captions become a prompt.
    """
    captions = {image.image_id: image.captions for image in images}
    return {
        sample.sample_id: ImageRequest(
            image_prompt(
                captions[sample.image_id], sample.caption, mode=prompt.mode, styler=prompt.styler
            ),
            image_seed(sample.image_id, sample.replicate),
        )
        for sample in samples
        if sample.replicate is not None
    }


def recipe_of(synthesis: Synthesis, generator: Generator, weights_digest: str) -> Recipe:
    """How the images are drawn and stored, by the installed libraries."""
    return Recipe(
        generator=weights_digest,
        sampler=synthesis.sampler,
        steps=synthesis.steps,
        guidance=synthesis.guidance,
        negative_prompt=synthesis.negative_prompt,
        size=(generator.image_size, generator.image_size),
        jpeg_quality=generator.jpeg_quality,
        # Without "+cpu" or "+cu130": these name a machine, and machines share their images.
        torch=version("torch").partition("+")[0],
        diffusers=version("diffusers"),
        transformers=version("transformers"),
    )


def drawing(
    folder: Path, synthesis: Synthesis, image_size: int, prompts: Collection[str]
) -> Callable[[list[ImageRequest]], list[Image]]:
    """A function that draws a batch by the generator in ``folder``.

    The generator, and the libraries that it needs, are loaded when it is first called. It raises
    :class:`InputError` if the generator draws an image that must not be used.

    Args:
        folder: a model in the hub's layout.
        synthesis: how to draw.
        image_size: width and height in pixels.
        prompts: of all images; how many of them the text encoder cuts short is printed.
    """

    @cache
    def loaded() -> Any:
        from caption_curation.generator import count_truncated, load_generator

        generator = load_generator(folder, sampler=synthesis.sampler)
        if truncated := count_truncated(generator, list(prompts)):
            print(
                f"{truncated} of {len(prompts)} prompts are longer than the text encoder reads: "
                "their ends are lost, the styler first"
            )
        return generator

    def draw(batch: list[ImageRequest]) -> list[Image]:
        from caption_curation.generator import FaultyImages, generate

        try:
            return generate(
                loaded(),
                [request.prompt for request in batch],
                [request.seed for request in batch],
                steps=synthesis.steps,
                guidance=synthesis.guidance,
                negative_prompt=synthesis.negative_prompt,
                size=(image_size, image_size),
            )
        except FaultyImages as error:
            raise InputError(f"the generator in {folder} drew {error}") from error

    return draw

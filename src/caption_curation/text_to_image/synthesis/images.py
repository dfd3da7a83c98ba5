"""Synthetic images for a stage: from the store if it has them, otherwise generated."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Generic, TypeVar

from PIL.Image import Image

from caption_curation import model_files
from caption_curation.config.experiment import Synthesis
from caption_curation.config.profile import Generator
from caption_curation.support.arithmetic import Arithmetic
from caption_curation.support.digest_memo import DigestMemo
from caption_curation.support.dvc_cache import damaged_objects, dvc_cache_folder
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.launcher import process_info
from caption_curation.text_to_image.image_store import CLASS, ImageRequest, image_key, open_store
from caption_curation.text_to_image.image_store.adopted import recipes_adopted_from
from caption_curation.text_to_image.synthesis.requests import (
    Generate,
    image_generator,
    recipe_of,
)

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Obtained(Generic[Name]):
    """Images that lie in a folder.

    Attributes:
        keys: of the images, by the names of their requests.
        digests: the MD5 of each image's bytes by key; empty in all but the main process.
    """

    keys: Mapping[Name, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)


def obtain_images(
    requests: Mapping[Name, ImageRequest],
    *,
    generator: Path,
    weights_digest: str | None,
    synthesis: Synthesis,
    section: Generator,
    arithmetic: Arithmetic,
    folder: Path,
) -> Obtained[Name]:
    """Link the image of every request into a new folder as KEY.jpg, and print where they came from.

    If several processes call this, each generates a part of what is missing and returns when all of
    it is stored; only the main process links.

    Args:
        requests: what to generate, by any name; several may ask for the same image. Without any,
            the folder is not created and DVC is not asked for its cache.
        generator: the folder of the model.
        weights_digest: of that model, to which its files are compared before anything is generated;
            ``None``: they are what they are.
        synthesis: sampler, steps, guidance and negative prompt.
        section: the profile's section ``generator``: image size, JPEG quality and batch size.
        arithmetic: to draw in; portable images have keys of their own.
        folder: where to link the images; it must not exist.

    Raises:
        InputError: the model's files are others than those of the digest, or every attempt at some
            image was unusable; or portable arithmetic cannot be had.
    """
    process = process_info()
    if not requests:
        if process.is_main:
            print("0 images")
        return Obtained()
    dvc_cache = dvc_cache_folder()
    digest = weights_digest or remembered_digest(generator, dvc_cache)
    recipe = recipe_of(synthesis, section, digest, arithmetic)
    recipes = [recipe, *recipes_adopted_from(recipe, dvc_cache)]
    batch_size = section.synthesis_batch_size
    digests: dict[str, str] = {}
    with open_store(dvc_cache) as store:
        keys = store.choose_keys(
            {name: [image_key(each, of) for each in recipes] for name, of in requests.items()}
        )
        # Prompts in windows come last, the longest at the very end, so that as few batches as
        # possible mix different numbers of windows.
        wanted = {
            keys[name]: request
            for name, request in sorted(
                requests.items(), key=lambda item: _windowed_length(item[1])
            )
        }
        generate = _checked(
            image_generator(generator, synthesis, section.image_size, batch_size),
            partial(refuse_other_weights, generator, digest, dvc_cache),
            partial(_begin, generator, arithmetic),
        )
        counts = store.obtain(recipe, wanted, generate, batch_size)
        if process.is_main:
            digests = store.link_images(wanted, folder)
    who = f"process {process.index + 1} of {process.count}, " if process.count > 1 else ""
    print(
        f"{who}{len(wanted)} images: {counts.generated} generated, {counts.reused} reused, "
        f"{counts.imported} from the DVC cache"
    )
    return Obtained(keys, digests)


def remembered_digest(generator: Path, dvc_cache: Path) -> str:
    """The digest of a generator's files, of which only those are read that have changed."""
    memo = DigestMemo(dvc_cache)
    return model_files.weights_digest(generator, partial(memo.digest, algorithm="sha256"))


def refuse_other_weights(generator: Path, expected: str, dvc_cache: Path) -> None:
    """Raise an InputError unless a generator's files are those that a digest is of.

    Images are stored under keys that hold the digest: from other weights, whether replaced by hand
    or damaged on the disk, they would be wrong for every later experiment.

    Args:
        generator: the folder of the model.
        expected: see :func:`~caption_curation.model_files.weights_digest`.
        dvc_cache: the cache's folder, where digests of files are remembered.
    """
    found = remembered_digest(generator, dvc_cache)
    if found == expected:
        return
    damaged = [str(file) for file in damaged_objects(generator, dvc_cache)]
    heading = f"Remove {generator}, and what is damaged in DVC's cache"
    raise InputError(
        f"{generator}: its files have the digest {found}, and not that of {model_files.DIGEST}, "
        f"{expected}: they are damaged, or were edited. "
        + (list_faults(heading, damaged) if damaged else f"Remove {generator}.")
        + "\nThen `dvc repro` makes it again, or `dvc pull` fetches it"
    )


def _begin(generator: Path, arithmetic: Arithmetic) -> str:
    """The numerical class that images are drawn in."""
    from caption_curation.compute.arithmetic import begin_computation
    from caption_curation.compute.devices import prepare_device

    return begin_computation(prepare_device(), arithmetic, after=[generator])


def _checked(generate: Generate, check: Callable[[], None], begin: Callable[[], str]) -> Generate:
    """``generate``, preceded by a check when it is called first; images tell the class."""
    check_once, begin_once = cache(check), cache(begin)

    def generate_checked(batch: list[ImageRequest]) -> list[Image | None]:
        check_once()
        numerical_class = begin_once()
        images = generate(batch)
        for image in images:
            if image:
                image.info[CLASS] = numerical_class
        return images

    return generate_checked


def _windowed_length(request: ImageRequest) -> int:
    """Length in characters of a prompt in windows, whose number grows with it; otherwise 0."""
    return len(request.prompt) if request.in_windows else 0

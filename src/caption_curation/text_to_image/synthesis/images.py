"""Synthetic images for a stage: from the store where it has them, drawn where it does not."""

from collections.abc import Mapping
from pathlib import Path

from caption_curation.config.experiment import Synthesis
from caption_curation.config.profile import Generator
from caption_curation.support.dvc_cache import dvc_cache_folder
from caption_curation.support.launcher import these_processes
from caption_curation.text_to_image.image_store import ImageRequest, image_key, open_store
from caption_curation.text_to_image.synthesis.requests import drawing, recipe_of


def obtain_images(
    requests: Mapping[str, ImageRequest],
    *,
    generator: Path,
    weights_digest: str,
    synthesis: Synthesis,
    section: Generator,
    folder: Path,
) -> dict[str, str]:
    """Link the image of every request into a new folder as KEY.jpg, and print where they were from.

    Where several processes call this, each draws a part of what is missing and returns when all of
    it is stored; only the main one links.

    Args:
        requests: what to draw, by any name; several may ask for the same image. Without any,
            the folder is not made and DVC is not asked for its cache.
        generator: the folder of the model.
        weights_digest: of that model.
        synthesis: how to draw.
        section: the profile's, for size, quality and batch size.
        folder: to be made.

    Returns:
        The keys, by the names of ``requests``.

    Raises:
        InputError: no attempt at an image gave one that can be used.
    """
    processes = these_processes()
    if not requests:
        if processes.is_main:
            print("0 images")
        return {}
    recipe = recipe_of(synthesis, section, weights_digest)
    keys = {name: image_key(recipe, request) for name, request in requests.items()}
    # Prompts in windows come last, the longest at the very end, so that as few batches as possible
    # have some of several numbers of windows.
    wanted = {
        keys[name]: request
        for name, request in sorted(requests.items(), key=lambda item: _windowed_length(item[1]))
    }
    batch_size = section.synthesis_batch_size
    with open_store(dvc_cache_folder()) as store:
        draw = drawing(generator, synthesis, section.image_size, batch_size)
        counts = store.obtain(recipe, wanted, draw, batch_size)
        if processes.is_main:
            store.link_images(wanted, folder)
    who = f"process {processes.index + 1} of {processes.count}, " if processes.count > 1 else ""
    print(
        f"{who}{len(wanted)} images: {counts.generated} generated, {counts.reused} reused, "
        f"{counts.imported} from the DVC cache"
    )
    return keys


def _windowed_length(request: ImageRequest) -> int:
    """Letters of a prompt in windows, whose number of windows grows with them; 0 of another."""
    return len(request.prompt) if request.in_windows else 0

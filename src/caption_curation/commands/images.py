"""``caption-curation images``: the store of synthetic images."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from caption_curation.commands.words import example, flag

images = typer.Typer(
    help="Look after the store of synthetic images in DVC's cache.",
    no_args_is_help=True,
)


@images.command(epilog=example("images size"))
def size() -> None:
    """Count the images, and the room that they take."""
    from caption_curation.support.dvc_cache import dvc_cache_folder
    from caption_curation.text_to_image.image_store.store import open_store
    from caption_curation.text_to_image.store_upkeep import stored_images

    with open_store(dvc_cache_folder()) as store:
        print(f"{store.images}: {_in_words(stored_images(store))}")


@images.command(epilog=example("images verify --remove"))
def verify(
    remove: Annotated[
        bool,
        flag("--remove", help="Delete faulty images; they are generated again if needed."),
    ] = False,
) -> None:
    """Decode every image and compare it with its key.

    The exit status is 1 if a faulty image stays.
    """
    from tqdm import tqdm

    from caption_curation.support.dvc_cache import dvc_cache_folder
    from caption_curation.text_to_image.image_store.store import open_store
    from caption_curation.text_to_image.store_upkeep import faulty_images, stored_images

    with open_store(dvc_cache_folder(), alone=remove) as store:
        stored = stored_images(store)
        progress = tqdm(stored, desc="verifying", unit="image", disable=None)
        faulty = list(faulty_images(progress))
        for image, fault in faulty:
            print(f"{image}: {fault}")
            if remove:
                image.unlink()
        print(f"{len(stored)} images, {len(faulty)} faulty{' (removed)' if remove else ''}")
    if faulty and not remove:
        raise typer.Exit(1)


@images.command(epilog=example("images gc"))
def gc(
    force: Annotated[bool, flag("--force", "-f", help="Do not ask.")] = False,
) -> None:
    """Remove images that only removed experiments used; run `dvc gc` before.

    These are the images that no output of a synthesize stage in DVC's local cache names. What a
    killed stage had finished is removed too: images, and checkpoints and parts that lie beside
    them. Images that DVC's cache or a working copy holds as hard links take no room of their own:
    removing them from the store frees nothing.
    """
    from caption_curation.support.dvc_cache import dvc_cache_folder
    from caption_curation.support.unfinished import bytes_of, remove_unfinished, unfinished
    from caption_curation.text_to_image.image_store.store import open_store
    from caption_curation.text_to_image.store_upkeep import unreferenced_images

    dvc_cache = dvc_cache_folder()
    with open_store(dvc_cache) as store:
        unnamed = unreferenced_images(store)
    print(f"{_in_words(unnamed)} in no synthesized output of DVC's cache.")
    left = unfinished(dvc_cache)
    if left:
        megabytes = sum(map(bytes_of, left)) / 1e6
        print(f"{len(left)} stages were killed, or run now, and have saved {megabytes:.1f} MB.")
    # Not open while the question waits, lest a stage waits too; what is named by then stays.
    if (unnamed or left) and not force and not _confirmed("Remove them? [y/N] "):
        raise typer.Exit(1)
    with open_store(dvc_cache, alone=True) as store:
        garbage = set(unnamed).intersection(unreferenced_images(store))
        for image in garbage:
            image.unlink()
    print(f"{len(garbage)} images removed.")
    if left:
        print(f"What {remove_unfinished(dvc_cache)} killed stages saved is removed.")


def _in_words(images: Sequence[Path]) -> str:
    from caption_curation.text_to_image.store_upkeep import size_of

    found = size_of(images)
    return (
        f"{found.images} images, {found.total_bytes / 1e6:.1f} MB, "
        f"of which {found.unshared_bytes / 1e6:.1f} MB have no other hard link"
    )


def _confirmed(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:  # no terminal to ask
        print()
        return False

"""The store of synthetic images: its size, its soundness, its garbage."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from caption_curation.support.dvc_cache import dvc_cache_folder
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.image_store.store import open_store
from caption_curation.text_to_image.store_upkeep import (
    faulty_images,
    size_of,
    stored_images,
    unreferenced_images,
)

HARD_LINKS = (
    "Images that DVC's cache or a working copy holds as hard links take no room of their own: "
    "removing them from the store frees nothing."
)


def show_size(dvc_cache: Path) -> int:
    """Print the number of images and the room that they take; returns the exit status."""
    with open_store(dvc_cache) as store:
        print(f"{store.images}: {_in_words(stored_images(store))}")
    return 0


def verify(dvc_cache: Path, *, remove: bool) -> int:
    """Print, and with ``remove`` delete, every faulty image; the exit status is 1 if any stays."""
    with open_store(dvc_cache, alone=remove) as store:
        images = stored_images(store)
        progress = tqdm(images, desc="verifying", unit="image", disable=None)
        faulty = list(faulty_images(progress))
        for image, fault in faulty:
            print(f"{image}: {fault}")
            if remove:
                image.unlink()
        print(f"{len(images)} images, {len(faulty)} faulty{' (removed)' if remove else ''}")
    return 1 if faulty and not remove else 0


def collect_garbage(dvc_cache: Path, *, force: bool) -> int:
    """Remove the images that no output in DVC's cache names, after asking; 1 if told not to."""
    with open_store(dvc_cache) as store:
        unnamed = unreferenced_images(store)
    print(f"{_in_words(unnamed)} in no synthesized output of DVC's cache.")
    # Not open while the question waits, lest a stage waits too; what is named by then stays.
    if unnamed and not force and not _confirmed("Remove them from the image store? [y/N] "):
        return 1
    with open_store(dvc_cache, alone=True) as store:
        garbage = set(unnamed).intersection(unreferenced_images(store))
        for image in garbage:
            image.unlink()
    print(f"{len(garbage)} images removed.")
    return 0


def _in_words(images: Sequence[Path]) -> str:
    size = size_of(images)
    return (
        f"{size.images} images, {size.total_bytes / 1e6:.1f} MB, "
        f"of which {size.unshared_bytes / 1e6:.1f} MB have no other hard link"
    )


def _confirmed(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:  # no terminal to ask
        print()
        return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m caption_curation.commands.images",
        description="The store of synthetic images in DVC's cache.",
        epilog=HARD_LINKS,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("size", help="number of images and the room that they take")
    checking = commands.add_parser("verify", help="decode every image, compare it with its key")
    checking.add_argument(
        "--remove", action="store_true", help="delete faulty images; they are drawn again if needed"
    )
    collecting = commands.add_parser(
        "gc",
        help="remove images that only removed experiments used (run `dvc gc` before)",
        description="Remove the images that no output of a synthesize stage in DVC's local cache "
        "names. `dvc gc` removes the outputs of experiments that are not to be kept; run it "
        "first. What a killed stage had finished is removed too.",
        epilog=HARD_LINKS,
    )
    collecting.add_argument("-f", "--force", action="store_true", help="do not ask")
    chosen = parser.parse_args(arguments)
    try:
        dvc_cache = dvc_cache_folder()
        if chosen.command == "size":
            return show_size(dvc_cache)
        if chosen.command == "verify":
            return verify(dvc_cache, remove=chosen.remove)
        return collect_garbage(dvc_cache, force=chosen.force)
    except InputError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    sys.exit(main())

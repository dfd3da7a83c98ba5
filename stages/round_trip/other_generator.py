"""Obtain another base model to compare generators with."""

from caption_curation.round_trip.parameters import load_round_trip
from caption_curation.support.outputs import atomic_folder
from caption_curation.text_to_image.bases.published import copy_published
from stages import run
from stages.round_trip import generator_folder


def main() -> None:
    """Write data/other_generator in the hub's layout: a folder or the hub."""
    with atomic_folder(generator_folder("other_generator")) as folder:
        copy_published(load_round_trip().other_generator, folder)


if __name__ == "__main__":
    run(main, check_versions=True)

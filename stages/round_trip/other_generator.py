"""Obtain another generator to compare with those of the experiment."""

from caption_curation.config.inputs import located_model
from caption_curation.round_trip.parameters import load_round_trip
from caption_curation.support.outputs import atomic_folder
from caption_curation.text_to_image.bases.published import copy_published
from stages import run
from stages.round_trip import Generator, generator_folder, settings_of


def main(name: Generator) -> None:
    """Write data/other_generators/NAME in the hub's layout: a folder or the hub."""
    other = settings_of(name, load_round_trip())
    target = generator_folder(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(target) as folder:
        copy_published(located_model(other.model, other.folder), folder)


if __name__ == "__main__":
    run(main, check_versions=True)

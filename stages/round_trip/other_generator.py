"""Obtain another base model to compare generators with."""

from caption_curation.config.inputs import located_model
from caption_curation.config.params import load_params
from caption_curation.round_trip.parameters import load_round_trip
from caption_curation.support.outputs import atomic_folder
from caption_curation.text_to_image.bases.published import copy_published
from stages import run
from stages.round_trip import generator_folder


def main() -> None:
    """Write data/other_generator in the hub's layout: a folder or the hub."""
    with atomic_folder(generator_folder("other_generator")) as folder:
        other = load_params().experiment.inputs.other_generator
        copy_published(located_model(load_round_trip().other_generator, other), folder)


if __name__ == "__main__":
    run(main, check_versions=True)

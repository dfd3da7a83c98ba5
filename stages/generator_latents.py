"""Encode the images that the generator is fine-tuned on, once for all ways to fine-tune it."""

from pathlib import Path
from tempfile import TemporaryDirectory

from caption_curation.config.params import load_params
from caption_curation.image_index import split_files
from caption_curation.numerical_classes import write_classes
from caption_curation.paths import (
    BASE_GENERATOR,
    FINE_TUNED,
    GENERATOR_CORPUS,
    GENERATOR_LATENTS,
)
from caption_curation.support.launcher import process_info
from caption_curation.support.outputs import atomic_folder, link_or_copy
from caption_curation.support.reading import read_json
from caption_curation.text_to_image.family import abilities_of
from stages import ROOT, run_on_processes


def main() -> None:
    """Write data/generator_latents: files of latents, or none if the generator stays as it is.

    A killed run goes on with the files that it has finished, which are beside DVC's cache.
    """
    is_fine_tuned = read_json(FINE_TUNED)
    if is_fine_tuned and abilities_of(BASE_GENERATOR).trainable:
        _encode()
    elif process_info().is_main:
        with atomic_folder(GENERATOR_LATENTS):
            pass
        write_classes(GENERATOR_LATENTS, [])


def _encode() -> None:
    from caption_curation.compute.arithmetic import begin_computation
    from caption_curation.compute.devices import prepare_device
    from caption_curation.compute.process_group import from_main, gather, init_process_group
    from caption_curation.compute.resuming import UnfinishedWork
    from caption_curation.text_to_image.fine_tuning.latent_files import encode_corpus

    params = load_params()
    init_process_group()
    device = prepare_device()
    arithmetic = params.experiment.compute.arithmetic
    numerical_class = begin_computation(device, arithmetic, GENERATOR_LATENTS)
    command, facts = "python -m stages.generator_latents", {"class": numerical_class}
    with TemporaryDirectory() as own, UnfinishedWork(command, ROOT, device, facts) as work:
        folder = work.folder() or Path(from_main(own))
        encode_corpus(
            BASE_GENERATOR,
            split_files(GENERATOR_CORPUS, "train"),
            folder,
            image_size=params.profile.generator.image_size,
            device=device,
        )
        if process_info().is_main:
            with atomic_folder(GENERATOR_LATENTS) as target:
                for file in sorted(folder.glob("*.safetensors")):
                    link_or_copy(file, target / file.name)
        gather([None])  # until no process needs the folder


if __name__ == "__main__":
    run_on_processes(main)

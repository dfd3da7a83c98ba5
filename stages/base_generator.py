"""Obtain the text-to-image generator that fine-tuning starts from."""

from pathlib import Path

from caption_curation.config.inputs import located_model
from caption_curation.config.params import Params, load_params
from caption_curation.config.profile import ScratchGenerator
from caption_curation.numerical_classes import write_classes
from caption_curation.paths import BASE_GENERATOR, GENERATOR_CORPUS
from caption_curation.support.outputs import atomic_folder
from stages import run


def main() -> None:
    """Write data/base_generator in the hub's layout: from scratch, a folder or the hub."""
    params = load_params()
    section = params.profile.generator
    with atomic_folder(BASE_GENERATOR) as folder:
        if isinstance(section.base, ScratchGenerator):
            _build(params, section.base, folder)
        else:
            from caption_curation.text_to_image.bases.published import copy_published
            from caption_curation.text_to_image.family import refuse_unsupported

            source = located_model(section.base, params.experiment.inputs.generator)
            copy_published(source, folder)
            # What was downloaded only now could not be asked before.
            refuse_unsupported(
                folder,
                synthesis=params.experiment.synthesis,
                prompt=params.experiment.prompt,
                section=section,
            )
            write_classes(BASE_GENERATOR, [])


def _build(params: Params, size: ScratchGenerator, target: Path) -> None:
    from caption_curation.compute.arithmetic import begin_computation
    from caption_curation.compute.devices import prepare_device
    from caption_curation.image_index import split_files
    from caption_curation.samples import read_images
    from caption_curation.text_to_image.bases.scratch import build_generator

    begin_computation(prepare_device(), params.experiment.compute.arithmetic, BASE_GENERATOR)
    images = read_images(GENERATOR_CORPUS / "train.jsonl")
    files = split_files(GENERATOR_CORPUS, "train")
    generator = build_generator(size, images, files, params.profile.generator.image_size)
    generator.save_pretrained(target)


if __name__ == "__main__":
    run(main, check_versions=True)

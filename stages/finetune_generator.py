"""Fine-tune the text-to-image generator on captions (paper, section 3.3)."""

import shutil

from caption_curation.config.params import load_params
from caption_curation.image_index import index_of, split_files
from caption_curation.paths import BASE_GENERATOR, GENERATOR, GENERATOR_CORPUS
from caption_curation.samples import read_images
from caption_curation.support.dvc_cache import dvc_cache_folder
from stages import run_on_processes


def main() -> None:
    """Write data/generator; a killed run goes on from its last checkpoint.

    Checkpoints lie beside DVC's cache, because DVC removes a stage's outputs before it runs. Their
    folder is named by all that determines the result, so that no other run goes on from them.
    """
    section = load_params().profile.generator
    images = read_images(GENERATOR_CORPUS / "train.jsonl")
    files = split_files(GENERATOR_CORPUS, "train")

    from caption_curation.compute.devices import prepare_device
    from caption_curation.compute.process_group import init_process_group, process_index
    from caption_curation.text_to_image.fine_tuning.digest import training_digest
    from caption_curation.text_to_image.fine_tuning.training import fine_tune

    init_process_group()
    device = prepare_device()
    settings, image_size = section.fine_tuning, section.image_size
    corpus = [GENERATOR_CORPUS / "train.jsonl", index_of(GENERATOR_CORPUS, "train")]
    digest = training_digest(BASE_GENERATOR, corpus, settings, image_size, device)
    checkpoints = dvc_cache_folder() / "caption_curation" / "checkpoints" / digest
    fine_tune(
        BASE_GENERATOR,
        GENERATOR,
        images,
        files,
        settings,
        image_size=image_size,
        device=device,
        checkpoints=checkpoints,
        checkpoint_steps=section.checkpoint_steps,
    )
    if process_index() == 0:
        shutil.rmtree(checkpoints, ignore_errors=True)


if __name__ == "__main__":
    run_on_processes(main)

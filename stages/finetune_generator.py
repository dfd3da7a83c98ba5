"""Fine-tune the text-to-image generator on captions (paper, section 3.3)."""

from caption_curation.config.params import load_params
from caption_curation.paths import BASE_GENERATOR, GENERATOR, GENERATOR_CORPUS, GENERATOR_LATENTS
from caption_curation.samples import read_images
from caption_curation.text_to_image.family import refuse_unsupported
from stages import ROOT, run_on_processes


def main() -> None:
    """Write data/generator; a killed run goes on from its last checkpoint, beside DVC's cache."""
    params = load_params()
    section = params.profile.generator
    refuse_unsupported(BASE_GENERATOR, section=section)
    images = read_images(GENERATOR_CORPUS / "train.jsonl")

    from caption_curation.compute.arithmetic import begin_computation
    from caption_curation.compute.devices import prepare_device
    from caption_curation.compute.process_group import init_process_group
    from caption_curation.compute.resuming import UnfinishedWork
    from caption_curation.text_to_image.fine_tuning.training import fine_tune

    init_process_group()
    device = prepare_device()
    numerical_class = begin_computation(device, params.experiment.compute.arithmetic, GENERATOR)
    command, facts = "python -m stages.finetune_generator", {"class": numerical_class}
    with UnfinishedWork(command, ROOT, device, facts) as work:
        fine_tune(
            BASE_GENERATOR,
            GENERATOR,
            images,
            GENERATOR_LATENTS,
            section.fine_tuning,
            seed=params.experiment.generator_seed,
            device=device,
            checkpoints=work.folder(),
            checkpoint_steps=section.checkpoint_steps,
        )


if __name__ == "__main__":
    run_on_processes(main)

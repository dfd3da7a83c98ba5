"""Score every training sample by the captioner's own loss after an epoch."""

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.samples import read_samples, write_json_lines
from caption_curation.shown_images import shown_files
from caption_curation.support.stage_arguments import TrainedEpoch
from stages import ROOT, run_on_processes


def main(epoch: TrainedEpoch) -> None:
    """Write the loss of each sample that this epoch was trained on."""
    params = load_params()
    section = params.profile.captioner
    samples = read_samples(paths.samples(epoch - 1))
    files = shown_files(samples)

    from caption_curation.captioner.model.captioner import load_captioner
    from caption_curation.captioner.scoring import sample_losses
    from caption_curation.compute.arithmetic import begin_computation
    from caption_curation.compute.devices import prepare_device
    from caption_curation.compute.process_group import init_process_group, process_index
    from caption_curation.compute.resuming import UnfinishedWork

    init_process_group()
    device = prepare_device()
    numerical_class = begin_computation(
        device,
        params.experiment.compute.arithmetic,
        paths.losses(epoch),
        after=[paths.captioner(epoch)],
    )
    captioner = load_captioner(
        paths.captioner(epoch), section.image_size, device, instruction=section.instruction
    )
    command = f"python -m stages.score {epoch}"
    facts = {"batch_size": section.inference_batch_size, "class": numerical_class}
    with UnfinishedWork(command, ROOT, device, facts) as work:
        losses = sample_losses(
            captioner,
            samples,
            files,
            prompt=params.experiment.training.prompt,
            max_tokens=section.fine_tuning.max_tokens,
            label_smoothing=params.experiment.training.label_smoothing,
            batch_size=section.inference_batch_size,
            work=work,
        )
        if process_index() == 0:
            write_json_lines(paths.losses(epoch), losses)


if __name__ == "__main__":
    run_on_processes(main)

"""Fine-tune the captioner for one epoch."""

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.rng import seed_for
from caption_curation.samples import read_samples
from caption_curation.shown_images import shown_files
from caption_curation.support.stage_arguments import TrainedEpoch
from stages import ROOT, run_on_processes


def main(epoch: TrainedEpoch) -> None:
    """Train on the curated samples, from the previous epoch's weights and optimizer.

    Killed, it goes on from its last checkpoint, which lies beside DVC's cache.
    """
    params = load_params()
    section = params.profile.captioner
    samples = read_samples(paths.samples(epoch - 1))
    files = shown_files(samples)

    from caption_curation.captioner.model.adapters import check_adapter, new_adapter
    from caption_curation.captioner.model.captioner import load_captioner, save_captioner
    from caption_curation.captioner.training.checkpoints import Checkpoints
    from caption_curation.captioner.training.epoch import (
        load_optimizer,
        new_optimizer,
        save_optimizer,
        train_epoch,
    )
    from caption_curation.compute.arithmetic import begin_computation
    from caption_curation.compute.devices import prepare_device
    from caption_curation.compute.process_group import init_process_group, process_index
    from caption_curation.compute.resuming import UnfinishedWork

    init_process_group()
    device = prepare_device()
    numerical_class = begin_computation(
        device,
        params.experiment.compute.arithmetic,
        paths.captioner(epoch),
        after=[paths.captioner(epoch - 1)],
    )
    base = paths.captioner(epoch - 1)
    captioner = load_captioner(base, section.image_size, device, instruction=section.instruction)
    adapter = section.fine_tuning.adapter
    if epoch == 1 and adapter:
        seed = seed_for(params.experiment.seed, 0, "adapter", "")
        captioner = new_adapter(captioner, adapter, base, seed)
    check_adapter(captioner, adapter)
    optimizer = new_optimizer(captioner, section.fine_tuning.weight_decay)
    if epoch > 1:
        load_optimizer(optimizer, paths.optimizer(epoch - 1))
    command, facts = f"python -m stages.train_captioner {epoch}", {"class": numerical_class}
    with UnfinishedWork(command, ROOT, device, facts) as work:
        loss = train_epoch(
            captioner,
            optimizer,
            samples,
            files,
            epoch=epoch,
            seed=params.experiment.seed,
            training=params.experiment.training,
            fine_tuning=section.fine_tuning,
            checkpoints=Checkpoints(work, section.checkpoint_steps),
        )
        if process_index() > 0:
            return
        print(f"epoch {epoch}: {len(samples)} samples, mean training loss {loss:.3f} nats a token")
        save_captioner(captioner, paths.captioner(epoch))
        save_optimizer(optimizer, paths.optimizer(epoch))


if __name__ == "__main__":
    run_on_processes(main)

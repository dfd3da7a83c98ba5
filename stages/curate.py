"""Curate the training set after an epoch; epoch 0 is the static schedule, before training."""

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.curation.epoch import curate, curate_before_training
from caption_curation.samples import (
    apply_edits,
    read_edits,
    read_images,
    read_losses,
    read_samples,
    samples_of,
    write_json_lines,
)
from caption_curation.support.stage_arguments import Epoch
from stages import run


def main(epoch: Epoch) -> None:
    """Write the edits so far and the training set of the next epoch."""
    params = load_params()
    experiment = params.experiment
    images = read_images(paths.CORPUS / "train.jsonl")
    captions = {image.image_id: image.captions for image in images}
    if epoch == 0:
        samples, log = samples_of(images), []
        edits = curate_before_training(
            samples,
            curation=experiment.curation,
            prompt_mode=experiment.prompt.mode,
            captions=captions,
            seed=experiment.seed,
        )
    else:
        samples = read_samples(paths.curated(epoch - 1) / "samples.jsonl")
        log = read_edits(paths.curated(epoch - 1) / "edits.jsonl")
        edits = curate(
            samples,
            read_losses(paths.losses(epoch)),
            epoch=epoch,
            curation=experiment.curation,
            details=params.profile.curation,
            prompt_mode=experiment.prompt.mode,
            captions=captions,
            log=log,
            seed=experiment.seed,
        )
    kept = sum(edit.action == "keep" for edit in edits)
    print(f"{len(edits)} of {len(samples)} samples chosen, {kept} kept for want of a replacement")
    write_json_lines(paths.curated(epoch) / "samples.jsonl", apply_edits(samples, edits))
    write_json_lines(paths.curated(epoch) / "edits.jsonl", [*log, *edits])


if __name__ == "__main__":
    run(main)

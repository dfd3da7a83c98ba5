"""Propose what is to become of samples after an epoch; epoch 0: before training (static)."""

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.curation.epoch import propose, propose_before_training
from caption_curation.curation.score_files import read_scores
from caption_curation.curation.uses import read_uses
from caption_curation.edits import KEEP, write_proposals
from caption_curation.samples import read_images, read_losses, read_samples, samples_of
from caption_curation.support.stage_arguments import Epoch
from stages import run


def main(epoch: Epoch) -> None:
    """Write a proposal for every sample that is chosen, hardest first."""
    params = load_params()
    experiment = params.experiment
    images = read_images(paths.CORPUS / "train.jsonl")
    captions = {image.image_id: image.captions for image in images}
    given = read_scores(paths.scores(epoch))
    if epoch == 0:
        samples = samples_of(images)
        proposals = propose_before_training(
            samples,
            curation=experiment.curation,
            details=params.profile.curation,
            prompt_mode=experiment.prompt.mode,
            captions=captions,
            seed=experiment.seed,
            given=given,
        )
    else:
        samples = read_samples(paths.samples(epoch - 1))
        proposals = propose(
            samples,
            read_losses(paths.losses(epoch)),
            epoch=epoch,
            curation=experiment.curation,
            details=params.profile.curation,
            prompt_mode=experiment.prompt.mode,
            captions=captions,
            uses=read_uses(paths.uses(epoch - 1)),
            seed=experiment.seed,
            given=given,
        )
    chosen, kept = len(proposals), sum(proposal.action == KEEP for proposal in proposals)
    print(f"{chosen} of {len(samples)} samples chosen, {kept} kept for want of a replacement")
    write_proposals(paths.proposals(epoch), proposals)


if __name__ == "__main__":
    run(main)

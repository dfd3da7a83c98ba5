"""How many images an experiment would generate: exactly where the requests are known."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence

from caption_curation.config.experiment import Experiment
from caption_curation.curation.actions import generates_images
from caption_curation.curation.epoch import propose_before_training
from caption_curation.curation.settings import Curation, CurationDetails
from caption_curation.edits import Proposal
from caption_curation.experiments.planning.bounds import Bounds, at_most, chosen_samples, exactly
from caption_curation.samples import CaptionedImage, Sample, samples_of


def asked_before_training(
    images: Sequence[CaptionedImage], experiment: Experiment
) -> list[Sample] | None:
    """The samples that images are drawn for before training: a choice that needs no loss.

    ``None``: it is by scores from a file, which is not looked at.
    """
    curation = experiment.curation
    if curation.schedule == "static" and not curation.chooses_at_random:
        return None
    proposals = propose_before_training(
        samples_of(images),
        curation=experiment.curation,
        # It says how a rule's number of samples is rounded, and none is read here.
        details=CurationDetails(rounding="floor", easier_captions=None),
        prompt_mode=experiment.prompt.mode,
        captions={image.image_id: image.captions for image in images},
        seed=experiment.seed,
        given={},
    )
    return samples_asked_for(proposals)


def samples_asked_for(proposals: Iterable[Proposal]) -> list[Sample]:
    """The samples of proposals that images are to be drawn for, as they would be."""
    return [each.after for each in proposals if each.draws_image and each.after]


def image_asked_for(sample: Sample, prompt_mode: str) -> Hashable:
    """What tells a sample's synthetic image from others of the same recipe.

    With ``others``, samples that share a prompt have images of different numbers, so that the
    sample itself will do.
    """
    by = {"single": (sample.caption,), "others": (sample.sample_id,)}.get(prompt_mode, ())
    return (sample.image_id, *by, sample.replicate)


def images_to_generate(
    done: Sequence[bool],
    asked: Mapping[int, Collection[Hashable]],
    stored: Collection[Hashable] | None,
    curation: Curation,
    details: CurationDetails,
    samples: int,
) -> Bounds:
    """How many images are generated in all; each once, whichever epochs show it.

    Args:
        done: of each epoch, from 0 (the state before training), whether it has its images.
        asked: what an epoch asks for, where its training set is known already.
        stored: what need not be generated of that; ``None``: not known, for the generator is not.
        curation: how the training sets come about.
        details: how a ratio is rounded.
        samples: of the training set, whose size does not change where images are replaced.
    """
    if not generates_images(curation.method):
        return exactly(0)
    known = {
        image for epoch, of_epoch in asked.items() if not done[epoch] for image in of_epoch
    }.difference(stored or ())
    count = at_most(len(known)) if stored is None else exactly(len(known))
    for epoch, is_done in enumerate(done):
        if not is_done and epoch not in asked:
            # New are the images of the samples chosen after this epoch; the store may have them.
            count += at_most(new_images(curation, details, samples, epoch).most)
    return count


def new_images(curation: Curation, details: CurationDetails, samples: int, epoch: int) -> Bounds:
    """Images that the curation after an epoch asks for and no earlier one of the run did."""
    if curation.schedule == "static":
        return at_most(samples if epoch == 0 else 0)
    return exactly(0) if epoch == 0 else chosen_samples(curation, details, samples)

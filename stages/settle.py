"""Decide an epoch's proposals, and write the training set that follows (0: the first epoch's)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from caption_curation import paths
from caption_curation.config.experiment import Experiment
from caption_curation.config.params import load_params
from caption_curation.curation.candidates import drawn_file, read_candidates, read_judgements
from caption_curation.curation.decisions import read_decisions
from caption_curation.curation.settling import settle
from caption_curation.curation.uses import Uses, add_uses, read_uses, write_uses
from caption_curation.edits import Edit, apply_edits, read_proposals, write_edits
from caption_curation.image_index import ImageFile, index_of, read_digests, write_index
from caption_curation.samples import (
    CaptionedImage,
    Sample,
    read_images,
    read_samples,
    samples_of,
    write_json_lines,
)
from caption_curation.support.errors import InputError
from caption_curation.support.outputs import atomic_folder
from caption_curation.support.stage_arguments import Epoch
from caption_curation.synthetic_index import INDEX, read_synthetic_index
from stages import run


def main(epoch: Epoch) -> None:
    """Write the decided edits, the training set after them, its images, and what was used up."""
    experiment = load_params().experiment
    images = read_images(paths.CORPUS / "train.jsonl")
    # Before the samples are read: proposals and candidates of many are let go first.
    edits, uses = _decided(epoch, experiment, images)
    samples = read_samples(paths.samples(epoch - 1)) if epoch else samples_of(images)
    edited = apply_edits(samples, edits)
    if not edited:
        raise InputError(f"after epoch {epoch} every sample would be removed: nothing to train on")
    digests = read_digests(paths.shown(epoch - 1) if epoch else index_of(paths.CORPUS, "train"))
    for image in read_synthetic_index(paths.synthetic(epoch) / INDEX):
        digests[drawn_file(image, epoch)] = image.md5
    with atomic_folder(paths.curated(epoch)) as folder:
        write_json_lines(folder / paths.samples(epoch).name, edited)
        write_index(folder / paths.shown(epoch).name, _shown(edited, digests))
        write_edits(folder / paths.edits(epoch).name, edits)
        write_uses(folder / paths.uses(epoch).name, uses)
    print(_summary(edits))


def _decided(
    epoch: int, experiment: Experiment, images: Sequence[CaptionedImage]
) -> tuple[list[Edit], Uses]:
    """The edits of an epoch, and what it and those before it used up."""
    proposals = read_proposals(paths.proposals(epoch))
    edits = settle(
        proposals,
        epoch=epoch,
        candidates=read_candidates(epoch),
        judgements=read_judgements(epoch),
        decisions=read_decisions(Path(experiment.inputs.decisions), images),
    )
    uses: Uses = read_uses(paths.uses(epoch - 1)) if epoch else {}
    add_uses(
        uses,
        proposals,
        edits,
        prompt_mode=experiment.prompt.mode,
        captions={image.image_id: image.captions for image in images},
    )
    return edits, uses


def _shown(samples: Iterable[Sample], digests: Mapping[str, str]) -> Iterator[ImageFile]:
    """The images that samples show, each once, in their order.

    Raises:
        KeyError: one is not among those that are known: files of different runs were mixed.
    """
    for file in dict.fromkeys(str(sample.file) for sample in samples):
        yield ImageFile(file, digests[file])


def _summary(edits: Sequence[Edit]) -> str:
    accepted = sum(edit.accepted for edit in edits)
    by = ", ".join(sorted({edit.decided_by for edit in edits}))
    return f"{accepted} of {len(edits)} edits accepted" + (f", decided by {by}" if by else "")


if __name__ == "__main__":
    run(main)

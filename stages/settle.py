"""Decide an epoch's proposals, and write the training set that follows (0: the first epoch's)."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.curation.decisions import read_decisions
from caption_curation.curation.settling import Candidate, Judgement, settle
from caption_curation.curation.uses import Uses, add_uses, read_uses, write_uses
from caption_curation.edits import Edit, apply_edits, read_proposals, write_edits
from caption_curation.image_index import ImageFile, index_of, read_index, write_index
from caption_curation.samples import (
    Sample,
    read_images,
    read_json_lines,
    read_samples,
    samples_of,
    write_json_lines,
)
from caption_curation.support.errors import InputError
from caption_curation.support.outputs import atomic_folder
from caption_curation.support.stage_arguments import Epoch
from caption_curation.synthetic_index import INDEX, SyntheticImage, read_synthetic_index
from stages import run


def main(epoch: Epoch) -> None:
    """Write the decided edits, the training set after them, its images, and what was used up."""
    experiment = load_params().experiment
    images = read_images(paths.CORPUS / "train.jsonl")
    originals = samples_of(images)
    samples = read_samples(paths.samples(epoch - 1)) if epoch else originals
    proposals = read_proposals(paths.proposals(epoch))
    drawn = read_synthetic_index(paths.synthetic(epoch) / INDEX)
    edits = settle(
        proposals,
        epoch=epoch,
        candidates=[
            *_drawn_candidates(drawn, epoch),
            *(Candidate(**record) for record in read_json_lines(paths.recaptions(epoch))),
        ],
        judgements=[Judgement(**record) for record in read_json_lines(paths.judgements(epoch))],
        decisions=read_decisions(
            Path(experiment.inputs.decisions), {sample.sample_id for sample in originals}
        ),
    )
    edited = apply_edits(samples, edits)
    if not edited:
        raise InputError(f"after epoch {epoch} every sample would be removed: nothing to train on")
    uses: Uses = read_uses(paths.uses(epoch - 1)) if epoch else {}
    add_uses(
        uses,
        proposals,
        edits,
        prompt_mode=experiment.prompt.mode,
        captions={image.image_id: image.captions for image in images},
    )
    known = read_index(paths.shown(epoch - 1) if epoch else index_of(paths.CORPUS, "train"))
    known += [ImageFile(_file(image, epoch), image.md5) for image in drawn]
    with atomic_folder(paths.curated(epoch)) as folder:
        write_json_lines(folder / paths.samples(epoch).name, edited)
        write_index(folder / paths.shown(epoch).name, _shown(edited, known))
        write_edits(folder / paths.edits(epoch).name, edits)
        write_uses(folder / paths.uses(epoch).name, uses)
    print(_summary(edits))


def _file(image: SyntheticImage, epoch: int) -> str:
    return (paths.synthetic(epoch) / f"{image.key}.jpg").as_posix()


def _drawn_candidates(drawn: Iterable[SyntheticImage], epoch: int) -> list[Candidate]:
    return [
        Candidate(image.sample_id, image.candidate, file=_file(image, epoch)) for image in drawn
    ]


def _shown(samples: Iterable[Sample], known: Iterable[ImageFile]) -> list[ImageFile]:
    """The images that samples show, each once, in their order.

    Raises:
        KeyError: one is not among those that are known: files of different runs were mixed.
    """
    digests = {image.file: image.md5 for image in known}
    shown = dict.fromkeys(str(sample.file) for sample in samples)
    return [ImageFile(file, digests[file]) for file in shown]


def _summary(edits: Sequence[Edit]) -> str:
    accepted = sum(edit.accepted for edit in edits)
    by = ", ".join(sorted({edit.decided_by for edit in edits}))
    return f"{accepted} of {len(edits)} edits accepted" + (f", decided by {by}" if by else "")


if __name__ == "__main__":
    run(main)

"""Epochs of a handful of samples, run by the stages themselves, without any model."""

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from caption_curation import paths
from caption_curation.corpora.corpus import image_files, write_split
from caption_curation.curation.settling import Judgement
from caption_curation.edits import read_proposals
from caption_curation.image_index import digest_of
from caption_curation.samples import CaptionedImage, SampleLoss, read_samples, write_json_lines
from caption_curation.synthetic_index import INDEX, SyntheticImage, write_synthetic_index
from stages import curate, judge, recaption, scores, settle
from tests.conftest import REPOSITORY
from tests.small_run import set_parameters

IMAGES = [
    CaptionedImage(f"i{n}", f"i{n}.jpg", tuple(f"i{n} caption {k}" for k in range(3)))
    for n in range(4)
]
ALL_IDS = [f"{image.image_id}#{n}" for image in IMAGES for n in range(3)]
METHODS = ["remove", "replace_caption", "replace_image"]

Content = Callable[[str], bytes]  # of the file of an image, by its name without the ending


def write_workspace(
    folder: Path,
    changes: Mapping[str, Any],
    *,
    content: Content = str.encode,
    images: Iterable[CaptionedImage] = IMAGES,
) -> None:
    """Write parameters and corpus, all that stages need before the first epoch."""
    folder.mkdir(exist_ok=True)
    set_parameters(folder, {"training.epochs": 4, **changes})
    shutil.copytree(REPOSITORY / "defaults", folder / "defaults")
    (folder / paths.PHOTOGRAPHS).mkdir(parents=True)
    digests = {}
    for image in images:
        written = content(image.image_id)
        (folder / paths.PHOTOGRAPHS / image.file_name).write_bytes(written)
        digests[image.file_name] = digest_of(written)
    write_split("train", list(images), image_files(digests, paths.CORPUS), folder / paths.CORPUS)


def draw(epoch: int, content: Content = str.encode) -> None:
    """What the synthesize stage does, in the current folder."""
    folder = paths.synthetic(epoch)
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for proposal in read_proposals(paths.proposals(epoch)):
        if proposal.draws_image and proposal.after:
            key = f"{proposal.before.image_id}-{proposal.after.replicate}"
            written = content(key)
            (folder / f"{key}.jpg").write_bytes(written)
            name = proposal.sample_id
            images.append(SyntheticImage(name, 1, key, 7, digest_of(written), 0, "a prompt"))
    write_synthetic_index(folder / INDEX, images)


def run_epoch(epoch: int, rejected: Iterable[str] = (), *, content: Content = str.encode) -> None:
    """All stages from scores to settle, in the current folder; a gate rejects some samples."""
    if epoch:
        write_losses(epoch)
    scores.main(epoch)
    curate.main(epoch)
    draw(epoch, content)
    recaption.main(epoch)
    judge.main(epoch)
    if rejected:
        judged = [
            Judgement(name, candidate, "table", float(-candidate))
            for name in rejected
            for candidate in (0, 1)
        ]
        write_json_lines(paths.judgements(epoch), judged)
    settle.main(epoch)


def write_losses(epoch: int) -> None:
    """What the score stage does, without a captioner."""
    samples = read_samples(paths.samples(epoch - 1))
    # The same for a sample whatever was done to others.
    values = {s.sample_id: (hash_of(s.sample_id) * epoch) % 97 + 1.0 for s in samples}
    losses = [SampleLoss(name, value, value, 1) for name, value in values.items()]
    write_json_lines(paths.losses(epoch), losses)


def hash_of(name: str) -> int:
    """A number that a name always has."""
    return int(digest_of(name.encode())[:6], 16)

"""What was drawn, written and measured for an epoch's proposals, read from where stages left it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from sys import intern

from caption_curation import paths
from caption_curation.curation.settling import Candidate, Judgement
from caption_curation.samples import iterate_json_lines
from caption_curation.synthetic_index import INDEX, SyntheticImage, read_synthetic_index

Find = Callable[[Path], Path]


def as_it_is(path: Path) -> Path:
    """Finds what a stage wrote where it wrote it."""
    return path


def read_candidates(epoch: int, find: Find = as_it_is) -> Iterator[Candidate]:
    """What was drawn or written for the proposals of an epoch.

    Args:
        epoch: of the proposals.
        find: where a file is that a stage wrote to a path.
    """
    for image in read_synthetic_index(find(paths.synthetic(epoch) / INDEX)):
        yield Candidate(image.sample_id, image.candidate, file=drawn_file(image, epoch))
    for record in iterate_json_lines(find(paths.recaptions(epoch))):
        yield Candidate(**record)


def read_judgements(epoch: int, find: Find = as_it_is) -> Iterator[Judgement]:
    """What was measured of the candidates of an epoch, arguments as :func:`read_candidates`."""
    for record in iterate_json_lines(find(paths.judgements(epoch))):
        yield Judgement(**record)


def drawn_file(image: SyntheticImage, epoch: int) -> str:
    """The file of a synthetic image that was drawn for an epoch's proposals."""
    return intern(f"{paths.synthetic(epoch)}/{image.key}.jpg")

"""The captioner's corpus before its stage has run: exactly where it can be read or worked out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from caption_curation.config.corpora import CaptionerDemoWorld, LocalSource
from caption_curation.config.corpus_forms import CorpusSource
from caption_curation.config.experiment import Inputs
from caption_curation.config.inputs import corpus_files
from caption_curation.config.params import Params
from caption_curation.corpora.few_shot import training_subset
from caption_curation.corpora.listing import Entry
from caption_curation.downloads.published import published_corpus
from caption_curation.samples import CaptionedImage
from caption_curation.support.errors import InputError

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class CorpusSize:
    """What is known of a corpus; ``training`` is ``None`` where only numbers are.

    ``samples`` are (image, caption) pairs of the training split, ``val`` and ``test`` images.
    """

    training: Sequence[CaptionedImage] | None
    samples: int
    val: int
    test: int
    known_from: str


def size_of(training: Sequence[CaptionedImage], val: int, test: int, known_from: str) -> CorpusSize:
    """The size of a corpus whose training images are known."""
    samples = sum(len(image.captions) for image in training)
    return CorpusSize(training, samples, val, test, known_from)


def planned_corpus(params: Params) -> CorpusSize:
    """The corpus that the corpus stage would make, from what profile and inputs name.

    Raises:
        InputError: the annotations are not there, and it is not a published corpus.
    """
    source, inputs = params.profile.data, params.experiment.inputs
    if isinstance(source, CaptionerDemoWorld):
        from caption_curation.demo_world.style import DEFAULT
        from caption_curation.demo_world.world import make_world

        splits = make_world(source, DEFAULT, SPLITS).corpus(SPLITS).splits
        known_from = "the demo world"
    else:
        try:
            entries = _listed(source, inputs)
        except InputError as error:
            return _published(named(source), source.train_fraction, error)
        splits = {
            split: [entry.image for entry in entries if entry.split == split] for split in SPLITS
        }
        known_from = named(source)
    return size_of(
        training_subset(splits["train"], source.train_fraction, source.seed),
        len(splits["val"]),
        len(splits["test"]),
        known_from,
    )


def named(source: CorpusSource) -> str:
    """What a profile calls a corpus: the name of its file or folder, or its id on the hub."""
    return source.annotations if isinstance(source, LocalSource) else source.id


def _listed(source: CorpusSource, inputs: Inputs) -> list[Entry]:
    from caption_curation.corpora.hub import without_download
    from caption_curation.corpora.sources import list_images

    if isinstance(source, LocalSource) and Path(inputs.annotations).name != source.annotations:
        # Another corpus's, or none.
        raise InputError(f"inputs.annotations: {source.annotations} is not here")
    return list_images(without_download(source), corpus_files(inputs, "data"), "data").entries


def _published(name: str, train_fraction: float, error: InputError) -> CorpusSize:
    corpus = published_corpus(None, name)
    if corpus is None:
        raise error
    samples = math.floor(corpus.training_captions * train_fraction)
    val, test = corpus.splits["val"], corpus.splits["test"]
    known_from = f"the published sizes of {corpus.title}, as {name} is not here yet"
    return CorpusSize(None, samples, val, test, known_from)

"""What is exported: a row for each sample, and the picture that it shows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from caption_curation.edits import Edit
from caption_curation.samples import CaptionedImage, Sample, original_caption
from caption_curation.synthetic_index import SyntheticImage


@dataclass(frozen=True, slots=True)
class Row:
    """A sample as others get it; ``None`` where something does not apply or is not known.

    Attributes:
        file_name: of the picture, the same for all samples that show it.
        caption: what trains.
        sample_id: ``IMAGE_ID#POSITION``.
        image_id: of the photograph that the sample began with.
        original_caption: that it began with.
        action: of the last edit that changed the sample.
        edit_epoch: after which that was; 0: before training.
        score: by which the sample was chosen for it.
        synthetic: whether the picture was drawn by a generator.
        prompt: that it was drawn from.
        image_seed: of its noise, in [0, 2**63).
        generator: SHA-256 of the generator, 64 hexadecimal digits.
        licence, author, source_url: of the photograph, where the sample shows it.
    """

    file_name: str
    caption: str
    sample_id: str
    image_id: str
    original_caption: str
    action: str | None = None
    edit_epoch: int | None = None
    score: float | None = None
    synthetic: bool = False
    prompt: str | None = None
    image_seed: int | None = None
    generator: str | None = None
    licence: str | None = None
    author: str | None = None
    source_url: str | None = None

    def record(self) -> dict[str, Any]:
        """Names and values, in order."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose photograph it is, as far as the corpus's input says."""

    licence: str | None = None
    author: str | None = None
    source_url: str | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's bytes: where they lie, and their MD5 in hexadecimal digits."""

    path: Path
    md5: str


@dataclass(frozen=True)
class About:
    """Where an exported training set comes from.

    Attributes:
        title: of the card.
        provenance: what it was made of, by what a reader calls it: names, commits, digests.
        parameters: those that say how it was curated, by their dotted names.
        outcomes: what became of chosen samples, by when (``before training``, ``after epoch 1``)
            and by what it is counted as (:func:`caption_curation.evaluation.numbers.count_edits`).
        corpus_samples: number of samples that there were before.
        drawn_by: the model that the generator of its synthetic pictures was made from.
    """

    title: str
    provenance: Mapping[str, str]
    parameters: Mapping[str, Any]
    outcomes: Mapping[str, Mapping[str, int]]
    corpus_samples: int
    drawn_by: str | None = None


@dataclass(frozen=True)
class Contents:
    """All that an export writes.

    Attributes:
        splits: ``train``, and where they go along ``val`` and ``test``.
        pictures: those of the rows, by ``file_name``.
        about: what the card tells of it.
    """

    splits: Mapping[str, Sequence[Row]]
    pictures: Mapping[str, Picture]
    about: About

    def pictures_of(self, split: str) -> list[str]:
        """The file names of a split's pictures, in the order of the rows."""
        return list(dict.fromkeys(row.file_name for row in self.splits[split]))


def rows_of(
    samples: Sequence[Sample],
    images: Iterable[CaptionedImage],
    *,
    names: Mapping[str, str],
    edits: Iterable[Edit] = (),
    drawn: Mapping[str, SyntheticImage] | None = None,
    generator: str | None = None,
    origins: Mapping[str, Origin] | None = None,
) -> list[Row]:
    """The rows of a training set, in its order.

    Args:
        samples: of the set; each shows a file.
        images: of the corpus, those of the samples at least.
        names: of the exported file, by the file that a sample shows.
        edits: the whole log up to this set.
        drawn: synthetic images by the file that a sample shows; those that are not listed are told
            without prompt and seed.
        generator: SHA-256 of the generator that drew them.
        origins: by image id.
    """
    captions = {image.image_id: image.captions for image in images}
    last = {edit.sample_id: edit for edit in edits if changed(edit)}
    nowhere = Origin()
    rows = []
    for sample in samples:
        file = str(sample.file)
        synthetic = sample.replicate is not None
        edit = last.get(sample.sample_id)
        image = (drawn or {}).get(file) if synthetic else None
        origin = nowhere if synthetic else (origins or {}).get(sample.image_id, nowhere)
        rows.append(
            Row(
                file_name=names[file],
                caption=sample.caption,
                sample_id=sample.sample_id,
                image_id=sample.image_id,
                original_caption=original_caption(sample, captions[sample.image_id]),
                action=edit.action if edit else None,
                edit_epoch=edit.epoch if edit else None,
                score=edit.score if edit else None,
                synthetic=synthetic,
                prompt=image.prompt if image else None,
                image_seed=image.seed if image else None,
                generator=generator if synthetic else None,
                licence=origin.licence,
                author=origin.author,
                source_url=origin.source_url,
            )
        )
    return rows


def changed(edit: Edit) -> bool:
    """Whether an edit was made and did something to its sample, which is still there."""
    return edit.accepted and edit.after is not None and edit.after != edit.before

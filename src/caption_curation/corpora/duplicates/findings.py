"""What a corpus holds more than once, what of it leaks into evaluation, and what comes of that.

A *leak* is a picture of val or test that train has too, equal or near: the captioner has seen it,
and its scores are too good. Captions that several splits share are counted but are no leak; two
photographs may well be described in the same words.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from caption_curation.config.corpora import OnLeak
from caption_curation.corpora.corpus import IMAGES, Corpus
from caption_curation.corpora.duplicates.captions import SameCaption, same_captions
from caption_curation.corpora.duplicates.look import Look
from caption_curation.corpora.duplicates.pictures import SamePicture, same_pictures
from caption_curation.corpora.pictures import look_at_files
from caption_curation.samples import CaptionedImage, write_json_lines
from caption_curation.support.errors import InputError, list_faults

Kind = Literal["bytes", "pixels", "near"]

TRAIN = "train"


@dataclass(frozen=True)
class PictureGroup:
    """Images of a corpus that show the same picture, in the order of the corpus.

    ``kind``: ``bytes`` where all files are equal, ``pixels`` where all are equal once decoded,
    otherwise ``near``, and ``difference`` is the largest that joined two of them.
    """

    kind: Kind
    members: tuple[tuple[str, CaptionedImage], ...]  # each with its split
    difference: float

    @property
    def splits(self) -> dict[str, int]:
        """The number of images in each split that has one."""
        return dict(Counter(split for split, _ in self.members))

    @property
    def leaks(self) -> bool:
        """Whether both train and another split have the picture."""
        return TRAIN in self.splits and len(self.splits) > 1

    def record(self) -> dict[str, Any]:
        """A line of duplicates.jsonl."""
        return {
            "of": "images",
            "kind": self.kind,
            "leak": self.leaks,
            "splits": self.splits,
            "difference": self.difference,
            "images": [
                {
                    "image_id": image.image_id,
                    "split": split,
                    "file_name": image.file_name,
                    "caption": image.captions[0],
                }
                for split, image in self.members
            ],
        }


@dataclass(frozen=True)
class Findings:
    """What was found in a corpus as it was read, the whole training split included."""

    corpus: Corpus
    digests: Mapping[str, str]  # of each file's bytes, by file name
    looks: Mapping[str, Look]  # by file name
    pictures: list[PictureGroup]
    captions: list[SameCaption]

    @property
    def leaking(self) -> dict[str, list[CaptionedImage]]:
        """Of each split, the images with a picture that is in train, and in val or test."""
        found: dict[str, list[CaptionedImage]] = {split: [] for split in self.corpus.splits}
        for group in self.pictures:
            if group.leaks:
                for split, image in group.members:
                    found[split].append(image)
        return found


def looks_of(corpus: Corpus, folder: Path) -> Mapping[str, Look]:
    """A look at each picture of a corpus: those of its reader, and of the others now.

    Args:
        corpus: of any reader.
        folder: that its images have been written into.

    Raises:
        InputError: some pictures cannot be read; the message lists all of them.
    """
    names = [image.file_name for images in corpus.splits.values() for image in images]
    unseen = [name for name in names if name not in corpus.looks]
    looks, faults = look_at_files(unseen, folder / IMAGES)
    if faults:
        lines = [f"file {name!r}: {fault}" for name, fault in faults.items()]
        raise InputError(list_faults("unreadable pictures", lines))
    return {**corpus.looks, **looks}


def find_duplicates(
    corpus: Corpus, digests: Mapping[str, str], looks: Mapping[str, Look]
) -> Findings:
    """Everything that the corpus holds more than once.

    Args:
        corpus: before anything is left out of it.
        digests: of the bytes of each image file, by file name.
        looks: at each picture, by file name.
    """
    listed = [(split, image) for split, images in corpus.splits.items() for image in images]
    groups = same_pictures([looks[image.file_name] for _, image in listed])
    pictures = [
        PictureGroup(
            _kind(group, [digests[listed[at][1].file_name] for at in group.members]),
            tuple(listed[at] for at in group.members),
            group.difference,
        )
        for group in groups
    ]
    return Findings(corpus, digests, looks, pictures, same_captions(corpus.splits.items()))


def settle_leaks(findings: Findings, on_leak: OnLeak) -> Corpus:
    """The corpus to go on with: as it was read, or without the training images that leak.

    Raises:
        InputError: leaks were found and ``on_leak`` is ``stop``, or ``drop`` would leave no
            training image; the message lists the leaks.
    """
    leaking = findings.leaking[TRAIN]
    if not leaking or on_leak == "warn":
        return findings.corpus
    if on_leak == "stop":
        heading = "data.on_leak = stop: training images whose picture is in val or test too"
        raise InputError(list_faults(heading, _leak_lines(findings.pictures)))
    dropped = {image.image_id for image in leaking}
    train = [image for image in findings.corpus.splits[TRAIN] if image.image_id not in dropped]
    if not train:
        heading = "data.on_leak = drop: every training image's picture is in val or test too"
        raise InputError(list_faults(heading, _leak_lines(findings.pictures)))
    return replace(findings.corpus, splits=findings.corpus.splits | {TRAIN: train})


def write_findings(findings: Findings, on_leak: OnLeak, folder: Path) -> None:
    """Write duplicates.jsonl, images.jsonl and summary.json.

    Args:
        findings: of the corpus as it was read.
        on_leak: what was done about leaks.
        folder: to write into.
    """
    records = [group.record() for group in findings.pictures]
    write_json_lines(folder / "duplicates.jsonl", [*records, *map(_record, findings.captions)])
    write_json_lines(
        folder / "images.jsonl",
        (
            {
                "image_id": image.image_id,
                "split": split,
                "format": look.format,
                "width": look.width,
                "height": look.height,
                "md5": findings.digests[image.file_name],
            }
            for split, images in findings.corpus.splits.items()
            for image in images
            for look in [findings.looks[image.file_name]]
        ),
    )
    summary = json.dumps(summary_of(findings, on_leak), indent=2) + "\n"
    (folder / "summary.json").write_text(summary, encoding="utf-8")


def summary_of(findings: Findings, on_leak: OnLeak) -> dict[str, Any]:
    """The numbers of summary.json; see docs/reference/files.md."""
    provenance = findings.corpus.provenance
    splits = findings.corpus.splits
    leaking = {split: len(images) for split, images in findings.leaking.items()}
    leaking_groups = [group for group in findings.pictures if group.leaks]
    return {
        "on_leak": on_leak,
        "images": {split: len(images) for split, images in splits.items()},
        "captions": {
            split: sum(len(image.captions) for image in images) for split, images in splits.items()
        },
        "same_pictures": {
            kind: _counts([group for group in findings.pictures if group.kind == kind], splits)
            for kind in ("bytes", "pixels", "near")
        },
        "leaks": {
            "groups": len(leaking_groups),
            "near_groups": sum(group.kind == "near" for group in leaking_groups),
            "images": leaking,
            "dropped": leaking[TRAIN] if on_leak == "drop" else 0,
        },
        # Of the images of which anything is known.
        "licences": dict(Counter(each.licence or "unknown" for each in provenance).most_common()),
        "same_captions": {
            "text": _caption_counts(_by_text(findings.captions), splits),
            "words": _caption_counts([list(group.members) for group in findings.captions], splits),
        },
    }


def describe(findings: Findings, on_leak: OnLeak) -> str:
    """What was found and done, as lines to print."""
    lines = []
    repeated = sum(len(group.members) - 1 for group in findings.pictures)
    if repeated:
        near = sum(group.kind == "near" for group in findings.pictures)
        lines.append(
            f"pictures that several images show: {len(findings.pictures)} ({near} with near "
            f"copies), in {repeated} images more than that"
        )
    leaking = findings.leaking
    if leaking[TRAIN]:
        evaluated = ", ".join(
            f"{len(images)} of {split}"
            for split, images in leaking.items()
            if split != TRAIN and images
        )
        done = {"drop": "they were taken out of train"}.get(
            on_leak, "data.on_leak: drop takes them out of train"
        )
        lines.append(
            f"warning: {len(leaking[TRAIN])} training images show pictures of val or test "
            f"({evaluated}); {done}"
        )
    return "\n".join(lines)


def _kind(group: SamePicture, digests: Collection[str]) -> Kind:
    if len(set(digests)) == 1:
        return "bytes"
    return "near" if group.difference else "pixels"


def _record(group: SameCaption) -> dict[str, Any]:
    """A line of duplicates.jsonl."""
    return {
        "of": "captions",
        "kind": "text" if group.equal else "words",
        "splits": dict(Counter(split for split, *_ in group.members)),
        "captions": list(dict.fromkeys(text for *_, text in group.members)),
        "samples": [f"{image_id}#{position}" for _, image_id, position, _ in group.members],
    }


def _counts(groups: Sequence[PictureGroup], splits: Collection[str]) -> dict[str, Any]:
    images = Counter(split for group in groups for split, _ in group.members)
    return {
        "groups": len(groups),
        "across_splits": sum(len(group.splits) > 1 for group in groups),
        "images": {split: images[split] for split in splits},
    }


Members = list[tuple[str, str, int, str]]


def _by_text(groups: Sequence[SameCaption]) -> list[Members]:
    """The captions that are equal to the letter: each group in words, apart by its texts."""
    equal = []
    for group in groups:
        texts: dict[str, Members] = {}
        for member in group.members:
            texts.setdefault(member[3], []).append(member)
        equal += [members for members in texts.values() if len(members) > 1]
    return equal


def _caption_counts(groups: Sequence[Members], splits: Collection[str]) -> dict[str, Any]:
    """How many captions are there again: in their own image, in others of the split, in train."""
    in_image, in_split, in_train = Counter[str](), Counter[str](), Counter[str]()
    for members in groups:
        images: dict[str, Counter[str]] = {}
        for split, image_id, _, _ in members:
            images.setdefault(split, Counter())[image_id] += 1
        for split, of_images in images.items():
            in_image[split] += sum(count - 1 for count in of_images.values())
            if len(of_images) > 1:
                in_split[split] += of_images.total()
            if split != TRAIN and TRAIN in images:
                in_train[split] += of_images.total()
    return {
        "groups": len(groups),
        "repeated_in_image": {split: in_image[split] for split in splits},
        "shared_in_split": {split: in_split[split] for split in splits},
        "shared_with_train": {split: in_train[split] for split in splits if split != TRAIN},
    }


def _leak_lines(groups: Sequence[PictureGroup]) -> list[str]:
    """A line for each training image that leaks: where else its picture is, and how near."""
    lines = []
    for group in groups:
        if group.leaks:
            elsewhere = ", ".join(
                f"{split} {image.file_name!r}" for split, image in group.members if split != TRAIN
            )
            how = f"near, {group.difference:g}" if group.kind == "near" else f"equal {group.kind}"
            lines += [
                f"image {image.image_id}, {image.file_name!r}: {elsewhere} ({how})"
                for split, image in group.members
                if split == TRAIN
            ]
    return lines

"""Which annotations count: those of the study's images, under the current list of categories."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from caption_curation.human_study.annotations.categories import CATEGORY_VERSION
from caption_curation.human_study.annotations.records import CODE, Annotation, read
from caption_curation.human_study.study.sets import StudyImage
from caption_curation.support.errors import InputError


@dataclass(frozen=True)
class AnnotatedImage:
    """An image with all its annotations, one per annotator."""

    image: StudyImage
    annotations: tuple[Annotation, ...]

    @property
    def mean_errors(self) -> float:
        """The number of categories that annotators marked, on average."""
        return sum(len(annotation.categories) for annotation in self.annotations) / len(
            self.annotations
        )

    def marked_by(self, at_least: int) -> list[str]:
        """The categories that at least so many annotators marked, the most frequent first."""
        counts = Counter(
            category for annotation in self.annotations for category in annotation.categories
        )
        return [category for category, count in counts.most_common() if count >= at_least]


def annotation_files(people: Path, automatic: Path) -> tuple[list[Path], bool]:
    """The annotation files to analyse, and whether they are the automatic ones.

    Human and automatic annotations are never mixed: as soon as anyone has annotated, only people
    count.

    Raises:
        InputError: there are neither.
    """
    for folder, is_automatic in ((people, False), (automatic, True)):
        if files := sorted(folder.glob("*.jsonl")):
            return files, is_automatic
    raise InputError(
        f"{people}: nobody has annotated yet; `caption-curation annotate --set 1 --annotator CODE` "
        "shows the images of the first set"
    )


def usable_annotations(
    files: Sequence[Path], images: Sequence[StudyImage]
) -> tuple[list[Annotation], list[str]]:
    """The annotations in all files that count, and messages on why others do not."""
    sets = {(image.set, image.image_id) for image in images}
    usable: list[Annotation] = []
    problems: list[str] = []
    for file in files:
        if not CODE.fullmatch(file.stem):
            problems.append(
                f"{file}: not used; an annotator's code has letters (a to z), digits, - and _ only"
            )
            continue
        annotations, faults = read(file)
        problems += faults
        reasons: Counter[str] = Counter()
        for annotation in annotations:
            if reason := _reason_against(annotation, file.stem, sets):
                reasons[reason] += 1
            else:
                usable.append(annotation)
        problems += [
            f"{file}: {count} annotation(s) not used: {reason}" for reason, count in reasons.items()
        ]
    return usable, problems


def annotations_by_image(
    images: Sequence[StudyImage], annotations: Sequence[Annotation]
) -> dict[str, tuple[Annotation, ...]]:
    """The annotations of every image, by image id; empty where nobody has annotated it."""
    by_image: dict[str, list[Annotation]] = {image.image_id: [] for image in images}
    for annotation in annotations:
        by_image[annotation.image_id].append(annotation)
    return {image_id: tuple(of_image) for image_id, of_image in by_image.items()}


def sufficiently_annotated(
    images: Sequence[StudyImage], by_image: Mapping[str, tuple[Annotation, ...]], at_least: int
) -> list[AnnotatedImage]:
    """The images with enough annotations, by ascending loss.

    Raises:
        InputError: there are none; the message says how many annotations there are at most.
    """
    kept = [
        AnnotatedImage(image, by_image[image.image_id])
        for image in images
        if len(by_image[image.image_id]) >= at_least
    ]
    if not kept:
        most = max((len(of_image) for of_image in by_image.values()), default=0)
        raise InputError(
            f"no image has {at_least} annotations, at most {most}: let more people annotate, "
            "or lower annotations_per_image in stages/human_study/params.yaml"
        )
    return sorted(
        kept,
        key=lambda annotated: (
            annotated.image.loss,
            annotated.image.group,
            annotated.image.rank,
        ),
    )


def _reason_against(annotation: Annotation, code: str, sets: set[tuple[int, str]]) -> str | None:
    if annotation.annotator != code:
        return f"made by annotator {annotation.annotator!r}"
    if annotation.category_version != CATEGORY_VERSION:
        return (
            f"made under version {annotation.category_version!r} of the categories, which is now "
            f"{CATEGORY_VERSION!r}"
        )
    if (annotation.set, annotation.image_id) not in sets:
        return f"of images that are not in set {annotation.set}"
    return None

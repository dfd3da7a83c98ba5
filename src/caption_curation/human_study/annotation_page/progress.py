"""What an annotator has done of a set, read anew for every page: several servers may write."""

from pathlib import Path

from caption_curation.human_study.annotation_page.study_set import StudySet
from caption_curation.human_study.annotations.categories import CATEGORY_VERSION
from caption_curation.human_study.annotations.records import CODE, Annotation, check_code, read
from caption_curation.support.errors import InputError, list_faults


def annotation_file(folder: Path, annotator: str) -> Path:
    """Where an annotator's annotations lie.

    Raises:
        InputError: this cannot be an annotator's code.
    """
    return folder / f"{check_code(annotator)}.jsonl"


def annotations_of(study_set: StudySet, folder: Path, annotator: str) -> dict[str, Annotation]:
    """The annotator's latest annotation of each image of the set, by image id."""
    annotations, _ = read(annotation_file(folder, annotator))
    return {
        one.image_id: one
        for one in annotations
        if one.set == study_set.number and one.annotator == annotator
        if one.image_id in study_set.images
    }


def annotators(folder: Path) -> list[str]:
    """The codes of all who have annotated anything."""
    return sorted(path.stem for path in folder.glob("*.jsonl") if CODE.fullmatch(path.stem))


def check_annotations(study_set: StudySet, folder: Path) -> list[str]:
    """What is odd about the annotations of a set that are there already, for a person to read.

    Raises:
        InputError: the set was annotated under another version of the categories. To mix them
            would spoil both.
    """
    notes: list[str] = []
    other_versions: list[str] = []
    for path in sorted(folder.glob("*.jsonl")):
        if not CODE.fullmatch(path.stem):
            notes.append(f"{path}: not used; {path.stem!r} cannot be an annotator's code")
            continue
        annotations, problems = read(path)
        notes += problems
        of_set = [one for one in annotations if one.set == study_set.number]
        strangers = sorted(one.image_id for one in of_set if one.image_id not in study_set.images)
        if strangers:
            notes.append(
                f"{path}: {len(strangers)} annotation(s) of images that are not in set "
                f"{study_set.number}, not used: {', '.join(map(repr, strangers[:5]))}"
            )
        if any(one.annotator != path.stem for one in of_set):
            notes.append(f"{path}: annotations by another code than {path.stem}, not used")
        versions = {one.category_version for one in of_set} - {CATEGORY_VERSION}
        other_versions += [f"{path}: version {version}" for version in sorted(versions)]
    if other_versions:
        raise InputError(
            list_faults(
                f"set {study_set.number} was annotated under other categories than those of "
                f"version {CATEGORY_VERSION}; move these files elsewhere, or name another folder "
                "with --annotations",
                other_versions,
            )
        )
    return notes

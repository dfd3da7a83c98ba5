"""An annotator's progress in a set, read anew for every page: several servers may write."""

from pathlib import Path

from caption_curation.human_study.annotation_page.study_set import StudySet
from caption_curation.human_study.annotations.categories import CATEGORY_VERSION
from caption_curation.human_study.annotations.records import CODE, Annotation, check_code, read
from caption_curation.support.errors import InputError, list_faults


def annotation_file(folder: Path, annotator: str) -> Path:
    """The file of an annotator's annotations.

    Raises:
        InputError: this is not a valid annotator code.
    """
    return folder / f"{check_code(annotator)}.jsonl"


def annotations_of(study_set: StudySet, folder: Path, annotator: str) -> dict[str, Annotation]:
    """The annotator's latest annotation of each image of the set, by image id."""
    annotations, _ = read(annotation_file(folder, annotator))
    return {
        annotation.image_id: annotation
        for annotation in annotations
        if annotation.set == study_set.number and annotation.annotator == annotator
        if annotation.image_id in study_set.images
    }


def annotators(folder: Path) -> list[str]:
    """The codes of all who have annotated anything."""
    return sorted(path.stem for path in folder.glob("*.jsonl") if CODE.fullmatch(path.stem))


def check_annotations(study_set: StudySet, folder: Path) -> list[str]:
    """Notes, for a person to read, about irregularities in the existing annotations of a set.

    Raises:
        InputError: the set was annotated under another version of the categories. Mixing them would
            spoil both.
    """
    notes: list[str] = []
    other_versions: list[str] = []
    for path in sorted(folder.glob("*.jsonl")):
        if not CODE.fullmatch(path.stem):
            notes.append(f"{path}: not used; {path.stem!r} is not a valid annotator code")
            continue
        annotations, problems = read(path)
        notes += problems
        of_set = [annotation for annotation in annotations if annotation.set == study_set.number]
        strangers = sorted(
            annotation.image_id
            for annotation in of_set
            if annotation.image_id not in study_set.images
        )
        if strangers:
            notes.append(
                f"{path}: {len(strangers)} annotation(s) of images that are not in set "
                f"{study_set.number}, not used: {', '.join(map(repr, strangers[:5]))}"
            )
        if any(annotation.annotator != path.stem for annotation in of_set):
            notes.append(f"{path}: annotations under a code other than {path.stem}, not used")
        versions = {annotation.category_version for annotation in of_set} - {CATEGORY_VERSION}
        other_versions += [f"{path}: version {version}" for version in sorted(versions)]
    if other_versions:
        raise InputError(
            list_faults(
                f"set {study_set.number} was annotated with categories other than those of "
                f"version {CATEGORY_VERSION}; move these files elsewhere, or name another folder "
                "with --annotations",
                other_versions,
            )
        )
    return notes

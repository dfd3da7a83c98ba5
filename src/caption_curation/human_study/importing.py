"""Annotations that were made elsewhere, added to those of a study."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from caption_curation.human_study.annotation_page.progress import (
    annotation_file,
    annotations_of,
    check_annotations,
)
from caption_curation.human_study.annotation_page.study_set import StudySet
from caption_curation.human_study.annotations.records import Annotation, append


def add_annotations(
    annotations: Sequence[Annotation], load: Callable[[int], StudySet], folder: Path
) -> tuple[str, list[str]]:
    """Add annotations that are not there, or newer, to a folder.

    Args:
        annotations: the oldest first, each of an image of its set.
        load: returns the set with a given number.
        folder: of annotations.

    Returns:
        What was imported, and what is odd about the annotations that are there, a line each.

    Raises:
        InputError: a set was annotated under other categories; nothing is added.
    """
    notes: list[str] = []
    for number in sorted({annotation.set for annotation in annotations}):
        notes += check_annotations(load(number), folder)
    added = 0
    for annotation in annotations:
        known = annotations_of(load(annotation.set), folder, annotation.annotator)
        there = known.get(annotation.image_id)
        if there is None or _saved(there) < _saved(annotation):
            append(annotation_file(folder, annotation.annotator), annotation)
            added += 1
    said = f"{added} of {len(annotations)} annotation(s) imported into {folder}"
    if added < len(annotations):
        said += "\nthe others are there already, or newer ones of the same images are"
    return said, notes


def _saved(annotation: Annotation) -> datetime:
    return datetime.fromisoformat(annotation.saved_at)

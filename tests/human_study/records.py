"""Studies and annotations in a few words."""

from pathlib import Path
from typing import Any

from caption_curation.human_study.annotations.categories import CATEGORY_VERSION
from caption_curation.human_study.annotations.records import Annotation
from caption_curation.human_study.study.sets import Group, StudyImage


def annotation(image_id: str, annotator: str, *categories: str, **changes: Any) -> Annotation:
    """An annotation of an image of set 1; without categories it says that there is no error."""
    values: dict[str, Any] = {
        "set": 1,
        "image_id": image_id,
        "annotator": annotator,
        "categories": categories,
        "no_error": not categories,
        "comment": "",
        "category_version": CATEGORY_VERSION,
        "shown_at": "2026-01-01T09:00:00+00:00",
        "saved_at": "2026-01-01T09:00:30+00:00",
    }
    return Annotation(**values | changes)


def study_image(
    image_id: str, loss: float, group: Group = "low", clipscore: float | None = None
) -> StudyImage:
    """An image of set 1 without a file."""
    return StudyImage(image_id, 1, group, 0, loss, clipscore, Path(image_id), ("a ring",))

"""Label Studio's project files: categories as a labelling configuration, annotations as tasks.

The format is that of Label Studio's "JSON" export and import (not JSON-MIN):
https://labelstud.io/guide/task_format. A category is a choice whose alias is its id, so that
results contain our ids. ``completed_by`` is never written, and only the account number is read from
it: names and e-mail addresses stay in Label Studio.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Annotated, Any
from xml.etree import ElementTree

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from caption_curation.human_study.annotation_page.study_set import StudySet
from caption_curation.human_study.annotations.categories import (
    CATEGORIES,
    CATEGORY_IDS,
    CATEGORY_VERSION,
    NO_ERROR,
    Category,
)
from caption_curation.human_study.annotations.records import Annotation
from caption_curation.rng import rng_for
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.rows import Row, Text, check, shown

COMMENT, ANNOTATOR = "comment", "annotator"  # text fields


def _joined(text: object) -> str:
    """The text of a text field: Label Studio writes a list, older versions a string."""
    lines = text if isinstance(text, list) else [text]
    if not all(isinstance(line, str) for line in lines):
        raise PydanticCustomError("text", "must be text")
    return "\n".join(map(str, lines)).strip()


class _Value(Row):
    choices: tuple[Text, ...] = Field((), strict=False)
    text: Annotated[Text, BeforeValidator(_joined)] = ""


class _Region(Row):
    """What was marked in one field."""

    from_name: Text = ""
    value: _Value = _Value(choices=())


class _Made(Row):
    """An annotation."""

    id: Any = None
    was_cancelled: bool | None = None
    result: tuple[_Region, ...] = Field((), strict=False)
    created_at: Text | None = None
    updated_at: Text | None = None
    lead_time: Annotated[float, Field(ge=0, le=1e8)] | None = None
    completed_by: Any = None


class _Data(Row):
    """What we wrote into a task."""

    set: int
    image_id: Text
    category_version: Text


class _Task(Row):
    data: _Data
    annotations: tuple[_Made, ...] = Field((), strict=False)


def labelling_config() -> str:
    """The project's labelling configuration (XML): paste it into its settings, "Code"."""
    view = ElementTree.Element("View")
    # References are lines of one text.
    ElementTree.SubElement(view, "Style").text = ".htx-text { white-space: pre-wrap; }"
    ElementTree.SubElement(view, "Image", name="image", value="$image")
    ElementTree.SubElement(view, "Text", name="references", value="$references")
    for field, group in groupby(CATEGORIES, key=_field):
        categories = list(group)
        ElementTree.SubElement(view, "Header", value=categories[0].group.capitalize())
        choices = _choices(view, field)
        for category in categories:
            ElementTree.SubElement(
                choices,
                "Choice",
                value=category.name,
                alias=category.id,
                hint=category.explanation,
            )
    ElementTree.SubElement(view, "Header", value="Nothing is wrong")
    ElementTree.SubElement(_choices(view, NO_ERROR), "Choice", value="No error", alias=NO_ERROR)
    for name, title in (
        (COMMENT, "Comment (optional)"),
        (ANNOTATOR, "Annotator code (if empty, the account number is used)"),
    ):
        ElementTree.SubElement(view, "Header", value=title)
        ElementTree.SubElement(
            view, "TextArea", name=name, toName="image", maxSubmissions="1", editable="true"
        )
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def tasks_of(
    study_set: StudySet, annotations: Sequence[Annotation], images_url: str
) -> list[dict[str, Any]]:
    """One task per image, with its annotations, in an order that reveals nothing of the losses.

    Args:
        annotations: of this set, by any number of annotators.
        images_url: prefix that turns an image's file name into its URL.
    """
    images = list(study_set.images.values())
    order = rng_for("label studio order", study_set.number).permutation(len(images))
    return [
        {
            "data": {
                "image": f"{images_url}{image.file}",
                "references": "\n".join(image.references),
                "image_id": image.image_id,
                "set": study_set.number,
                "category_version": CATEGORY_VERSION,
            },
            "annotations": [
                _exported(annotation)
                for annotation in annotations
                if annotation.image_id == image.image_id
            ],
        }
        for image in (images[position] for position in order)
    ]


def annotations_of_tasks(
    tasks: Sequence[Any], load: Callable[[int], StudySet]
) -> tuple[list[Annotation], list[str]]:
    """The annotations in a list of Label Studio's tasks.

    Args:
        tasks: the entries of the file.
        load: returns the set with a given number, or raises an InputError.

    Returns:
        Annotations, the oldest first, and notes about those that were skipped (cancelled ones).

    Raises:
        InputError: a task belongs to no image of its set or to another version of the categories, a
            label is unknown, or an annotation has no marks or contradicts itself; the message lists
            all such faults.
    """
    annotations: list[Annotation] = []
    faults: list[str] = []
    notes: list[str] = []
    for number, raw in enumerate(tasks, start=1):
        name = f"task {shown(raw.get('id', number) if isinstance(raw, dict) else number)}"
        found: list[str] = []
        try:
            task = check(_Task, raw, found)
            if task is None:
                raise InputError("; ".join(found))
            _check_data(task.data, load)
            for made in task.annotations:
                if made.was_cancelled:
                    notes.append(f"{name}: a cancelled annotation was skipped")
                    continue
                try:
                    annotations.append(_imported(made, task.data))
                except InputError as error:
                    faults.append(f"{name}, annotation {shown(made.id)}: {error}")
        except InputError as error:
            faults.append(f"{name}: {error}")
    if faults:
        raise InputError(
            list_faults(
                "nothing was imported because of these faults (of tasks that were made here, "
                "Label Studio's export as JSON is wanted, not JSON-MIN)",
                faults,
            )
        )
    return sorted(annotations, key=lambda annotation: annotation.saved_at), notes


def _check_data(data: _Data, load: Callable[[int], StudySet]) -> None:
    """Raise an InputError unless a task shows an image of its set, for these categories."""
    if data.category_version != CATEGORY_VERSION:
        raise InputError(
            f"category_version = {data.category_version!r}, but the present version is "
            f"{CATEGORY_VERSION}"
        )
    if data.image_id not in load(data.set).images:
        raise InputError(f"image_id = {data.image_id!r}: set {data.set} has no such image")


def _imported(made: _Made, data: _Data) -> Annotation:
    labels: list[str] = []
    texts: dict[str, str] = {}
    for region in made.result:
        field = region.from_name
        if field in (COMMENT, ANNOTATOR):
            texts[field] = region.value.text
        elif field in _LABELS:
            labels += _known(field, region.value.choices)
        else:
            raise InputError(
                f"from_name = {field!r}: the labelling configuration has no such field"
            )
    try:
        saved_at = _time(made)
        shown_at = saved_at - timedelta(seconds=made.lead_time or 0.0)
    except OverflowError as error:
        raise InputError("the time is out of all calendars") from error
    return Annotation(
        set=data.set,
        image_id=data.image_id,
        annotator=texts.get(ANNOTATOR) or f"label-studio-{_account(made.completed_by)}",
        categories=tuple(category for category in CATEGORY_IDS if category in labels),
        no_error=NO_ERROR in labels,
        comment=texts.get(COMMENT, ""),
        category_version=CATEGORY_VERSION,
        shown_at=shown_at.isoformat(),
        saved_at=saved_at.isoformat(),
    )


def _known(field: str, labels: Sequence[str]) -> Sequence[str]:
    """The labels of a choice field, all of which must be in the configuration."""
    if unknown := [label for label in labels if label not in _LABELS[field]]:
        raise InputError(f"{field}: unknown labels {', '.join(map(repr, unknown))}")
    return labels


def _exported(annotation: Annotation) -> dict[str, Any]:
    marked = {*annotation.categories, *([NO_ERROR] if annotation.no_error else [])}
    choices = {
        field: [label for label in known if label in marked] for field, known in _LABELS.items()
    }
    result = [
        _region(annotation, field, "choices", {"choices": labels})
        for field, labels in choices.items()
        if labels
    ]
    texts = {COMMENT: annotation.comment, ANNOTATOR: annotation.annotator}
    result += [
        _region(annotation, field, "textarea", {"text": [text]})
        for field, text in texts.items()
        if text
    ]
    shown, saved = (datetime.fromisoformat(t) for t in (annotation.shown_at, annotation.saved_at))
    return {
        "result": result,
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": annotation.saved_at,
        "updated_at": annotation.saved_at,
        "lead_time": (saved - shown).total_seconds(),
    }


def _region(annotation: Annotation, field: str, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"{annotation.annotator}-{field}",
        "from_name": field,
        "to_name": "image",
        "type": kind,
        "origin": "manual",
        "value": value,
    }


def _choices(view: ElementTree.Element, name: str) -> ElementTree.Element:
    choice = "single" if name == NO_ERROR else "multiple"
    return ElementTree.SubElement(
        view, "Choices", name=name, toName="image", choice=choice, showInline="true"
    )


def _field(category: Category) -> str:
    """The name of the choice field of a category: its group, as in its id."""
    return category.id.partition("/")[0]


_LABELS = {
    field: [category.id for category in categories]
    for field, categories in groupby(CATEGORIES, key=_field)
} | {NO_ERROR: [NO_ERROR]}


def _account(completed_by: object) -> int:
    """Label Studio's account number of a person; name and address are ignored."""
    number = completed_by.get("id") if isinstance(completed_by, dict) else completed_by
    if type(number) is not int:
        raise InputError("neither an annotator code nor an account number in completed_by")
    return number


def _time(made: _Made) -> datetime:
    text = made.created_at if made.updated_at is None else made.updated_at
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError as error:
        raise InputError(f"updated_at or created_at must be a time, not {shown(text)}") from error
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)

"""Annotations as the page of the paper's authors saves them (lyan62/ErrorAnalysis, branch sd).

Their annotations are not published; what their page, ``congruency_sd.py``, writes is known. It is a
file for each set that somebody finishes, ``sd_categorized_SET_TIME.json``:
``{"0": {"categories": ["color", …], "comments": "…", "img": "123_sd_5.jpg"}, …}``. Three things
about it matter here:

- Two of its 25 boxes, "Number" and "Inconsistent Ref", have the same value, ``number``. Once it may
  be either, and is taken for number; twice in one annotation it is both.
- It has no box for "no error": an image without any mark counts as one without errors.
- It keeps the answers of everybody who annotates at the same time in one place, and of set 0 the
  number in the name is random. So the set follows from the image, and a file whose images are of
  several sets is told of.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field

from caption_curation.human_study.annotation_page.study_set import load_set, set_numbers
from caption_curation.human_study.annotations.categories import CATEGORY_IDS, CATEGORY_VERSION
from caption_curation.human_study.annotations.records import Annotation
from caption_curation.human_study.importing import add_annotations
from caption_curation.human_study.study.image_ids import find_by_image_id
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.reading import read_json
from caption_curation.support.rows import Row, Text, check, shown

AMBIGUOUS = "number"
NUMBER, INCONSISTENT = "general/number", "general/inconsistent_reference"

# The values of the page's boxes in its spelling.
VALUES = {
    "age": "people/age",
    "gender": "people/gender",
    "type/color of clothing": "people/clothing_type",
    "color-clothing": "people/clothing_colour",
    "wierd-face": "people/weird_face",
    "wierd-body-parts": "people/weird_body_parts",
    "wrong-main-object": "main_object/wrong",
    "similar-subject": "main_object/similar",
    "inexistent-subject": "main_object/inexistent",
    "extra-main-object": "main_object/extra",
    "wierd-main-object": "main_object/weird",
    "wront-other-object": "other_objects/wrong",
    "similar-object": "other_objects/similar",
    "inexistent-object": "other_objects/inexistent",
    "extra-other-object": "other_objects/extra",
    "wierd-other-object": "other_objects/weird",
    "stance": "general/stance",
    "activity": "general/activity",
    "position": "general/position",
    AMBIGUOUS: NUMBER,
    "scene/event/location": "general/scene_event_location",
    "text": "general/text",
    "color": "general/colour",
    "generally unrelated": "general/generally_unrelated",
}
# The paper's figure 10 has some of them spelled right.
CATEGORY_OF = VALUES | {value.replace("wierd", "weird"): VALUES[value] for value in VALUES}


class _Entry(Row):
    """What the page saves of an image."""

    model_config = ConfigDict(extra="forbid")

    categories: list[Text]
    comments: Text | None
    img: Annotated[Text, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class _Marked:
    """What a file says about an image; ``image`` is the image's file name."""

    image: str
    values: tuple[str, ...]
    comment: str

    @property
    def categories(self) -> tuple[str, ...]:
        """Our ids, in the order of the list."""
        marked = {CATEGORY_OF[value] for value in self.values}
        if self.values.count(AMBIGUOUS) > 1:
            marked.add(INCONSISTENT)
        return tuple(category for category in CATEGORY_IDS if category in marked)


def import_files(files: Sequence[Path], sets: Path, folder: Path) -> tuple[str, Sequence[str]]:
    """Add the annotations of files of the authors' page to a folder of annotations.

    A file's name without its suffix is the annotator's code.

    Args:
        files: as the page names them.
        sets: the folder of sets that the images are in.
        folder: of annotations; those that are there already stay.

    Returns:
        What was imported, and what is odd about it, a line each.

    Raises:
        InputError: a file is something else, has unknown values, or images that are in no set; all
            faults are listed, and nothing is imported.
    """
    load = cache(partial(load_set, sets))
    numbers = set_numbers(sets)
    if not numbers:
        raise InputError(f"{sets}: no sets; `caption-curation human-study build` makes them")
    set_of = {image_id: number for number in numbers for image_id in load(number).images}
    annotations: list[Annotation] = []
    marked: list[_Marked] = []
    faults: list[str] = []
    notes: list[str] = []
    for file in files:
        try:
            saved_at = _time_of(file)
            of_file = _read(file)
            found = _annotations(file.stem, saved_at, of_file, set_of, file)
        except InputError as error:
            faults.append(str(error))
            continue
        annotations += found
        marked += of_file
        if len(several := sorted({annotation.set for annotation in found})) > 1:
            notes.append(
                f"{file}: images of sets {', '.join(map(str, several))}: it may hold the answers "
                "of several people"
            )
    if faults:
        raise InputError(list_faults("nothing was imported because of these faults", faults))
    notes += _remarks(marked)
    annotations.sort(key=lambda annotation: annotation.saved_at)
    said, irregularities = add_annotations(annotations, load, folder)
    return said, [*notes, *irregularities]


def _remarks(marked: Sequence[_Marked]) -> list[str]:
    ambiguous = sum(entry.values.count(AMBIGUOUS) == 1 for entry in marked)
    unmarked = sum(not entry.values for entry in marked)
    remarks = []
    if ambiguous:
        remarks.append(
            f'{ambiguous} annotation(s) mark "{AMBIGUOUS}", the value of both "Number" and '
            f'"Inconsistent Ref" there: taken for {NUMBER}, though each may be {INCONSISTENT}'
        )
    if unmarked:
        remarks.append(f"{unmarked} annotation(s) mark nothing: taken for images without errors")
    return remarks


def _annotations(
    code: str,
    saved_at: datetime,
    marked: Iterable[_Marked],
    set_of: Mapping[str, int],
    file: Path,
) -> list[Annotation]:
    by_image = {entry.image: entry for entry in marked}
    # Which of the file's images is each image of the study? Ids may lack the suffix.
    entries = find_by_image_id(set_of, by_image, file)
    strangers = by_image.keys() - {entry.image for entry in entries.values()}
    if strangers:
        raise InputError(list_faults(f"{file}: images that are in no set", sorted(strangers)))
    return [
        Annotation(
            set=set_of[image_id],
            image_id=image_id,
            annotator=code,
            categories=entry.categories,
            no_error=not entry.values,
            comment=entry.comment,
            category_version=CATEGORY_VERSION,
            shown_at=saved_at.isoformat(),  # only the end of the whole set is known
            saved_at=saved_at.isoformat(),
        )
        for image_id, entry in entries.items()
    ]


def _time_of(file: Path) -> datetime:
    """When the set was finished, in UTC, by the file's name."""
    name = re.fullmatch(r"sd_categorized_(?:\d{1,2}_)?(\d{1,10})", file.stem)
    if not name:
        raise InputError(f"{file}: the page names its files sd_categorized_SET_UNIXTIME.json")
    return datetime.fromtimestamp(int(name[1]), UTC)


def _read(file: Path) -> list[_Marked]:
    content = read_json(file)
    if not isinstance(content, dict):
        raise InputError(
            f"{file}: expected an object with an entry for each image; found {shown(content)}"
        )
    faults: list[str] = []
    marked: list[_Marked] = []
    for key, value in content.items():
        found: list[str] = []
        entry = check(_Entry, value, found)
        if entry is not None:
            unknown = [value for value in entry.categories if value not in CATEGORY_OF]
            if unknown:
                found.append(f"unknown categories {', '.join(map(shown, unknown))}")
            marked.append(_Marked(entry.img, tuple(entry.categories), entry.comments or ""))
        faults += [f"entry {shown(key)}: {fault}" for fault in found]
    if faults:
        raise InputError(list_faults(f"{file}: malformed annotations", faults))
    if len({entry.image for entry in marked}) < len(marked):
        raise InputError(f"{file}: an image occurs several times")
    return marked

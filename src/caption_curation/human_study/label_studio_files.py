"""A set's annotations to files that Label Studio imports, and back from its export."""

import json
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

from caption_curation.human_study.annotation_page.progress import (
    annotations_of,
    annotators,
    check_annotations,
)
from caption_curation.human_study.annotation_page.study_set import load_set
from caption_curation.human_study.annotations.records import Annotation
from caption_curation.human_study.importing import add_annotations
from caption_curation.human_study.label_studio import (
    annotations_of_tasks,
    labelling_config,
    tasks_of,
)
from caption_curation.support.errors import InputError
from caption_curation.support.outputs import write_atomically
from caption_curation.support.reading import read_list


def export_set(
    sets: Path, number: int, annotations: Path | None, folder: Path, images_url: str
) -> tuple[str, Sequence[str]]:
    """Write ``config.xml`` and ``tasks.json`` of a set.

    Args:
        sets: the folder of sets.
        number: of the set.
        annotations: the folder of those to export too; ``None``: only the tasks.
        folder: to write to.
        images_url: what stands before images/NAME.

    Returns:
        What was written, and what is odd about the annotations, a line each.

    Raises:
        InputError: there is no such set.
    """
    study_set = load_set(sets, number)
    exported: list[Annotation] = []
    notes: list[str] = []
    if annotations is not None:
        notes = check_annotations(study_set, annotations)
        for code in annotators(annotations):
            exported += annotations_of(study_set, annotations, code).values()
    tasks = tasks_of(study_set, exported, images_url)
    write_atomically(folder / "config.xml", labelling_config())
    write_atomically(folder / "tasks.json", json.dumps(tasks, indent=1, ensure_ascii=False) + "\n")
    return f"{len(tasks)} task(s) with {len(exported)} annotation(s) in {folder}", notes


def import_export(file: Path, sets: Path, folder: Path) -> tuple[str, Sequence[str]]:
    """Add the annotations of Label Studio's JSON export that are not there, or newer, to a folder.

    Args:
        file: the export.
        sets: the folder of the sets that it is of.
        folder: of annotations.

    Returns:
        What was imported, and what is odd about the annotations, a line each.

    Raises:
        InputError: the file is something else; nothing is imported.
    """
    tasks = read_list(file, "a list of tasks: export as JSON from Label Studio")
    load = cache(partial(load_set, sets))
    try:
        annotations, notes = annotations_of_tasks(tasks, load)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    said, irregularities = add_annotations(annotations, load, folder)
    return said, [*notes, *irregularities]

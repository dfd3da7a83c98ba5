"""Exchange annotations with Label Studio, for labs that use it. Not a stage of the pipeline."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from functools import cache, partial
from pathlib import Path

from caption_curation.human_study.annotation_page.progress import (
    annotation_file,
    annotations_of,
    annotators,
    check_annotations,
)
from caption_curation.human_study.annotation_page.study_set import load_set
from caption_curation.human_study.annotations.records import Annotation, append
from caption_curation.human_study.label_studio import (
    annotations_of_tasks,
    labelling_config,
    tasks_of,
)
from caption_curation.support.errors import InputError
from caption_curation.support.outputs import write_atomically
from stages import run


def main(*arguments: str) -> None:
    options = _parse(arguments)
    if options.command == "export":
        _export(options)
    else:
        _import(options)


def _export(options: argparse.Namespace) -> None:
    study_set = load_set(options.sets, options.set)
    annotations: list[Annotation] = []
    if not options.without_annotations:
        _note(check_annotations(study_set, options.annotations))
        for code in annotators(options.annotations):
            annotations += annotations_of(study_set, options.annotations, code).values()
    images_url = options.images_url or f"/data/local-files/?d=set_{options.set}/"
    tasks = tasks_of(study_set, annotations, images_url)
    write_atomically(options.out / "config.xml", labelling_config())
    write_atomically(
        options.out / "tasks.json", json.dumps(tasks, indent=1, ensure_ascii=False) + "\n"
    )
    print(f"{len(tasks)} task(s) with {len(annotations)} annotation(s) in {options.out}")


def _import(options: argparse.Namespace) -> None:
    try:
        tasks = json.loads(options.file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{options.file}: not a JSON file that can be read ({error})") from error
    load = cache(partial(load_set, options.sets))
    try:
        annotations, notes = annotations_of_tasks(tasks, load)
    except InputError as error:
        raise InputError(f"{options.file}: {error}") from error
    for number in sorted({one.set for one in annotations}):
        notes += check_annotations(load(number), options.annotations)
    _note(notes)
    imported = 0
    for one in annotations:
        there = annotations_of(load(one.set), options.annotations, one.annotator).get(one.image_id)
        if there is None or _saved(there) < _saved(one):
            append(annotation_file(options.annotations, one.annotator), one)
            imported += 1
    print(f"{imported} of {len(annotations)} annotation(s) imported into {options.annotations}")
    if imported < len(annotations):
        print("the others are there already, or newer ones of the same images are")


def _saved(annotation: Annotation) -> datetime:
    return datetime.fromisoformat(annotation.saved_at)


def _note(notes: Sequence[str]) -> None:
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.label_studio",
        description="Let people annotate a set of images in Label Studio instead of on our page.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    exporting = commands.add_parser("export", help="write config.xml and tasks.json of a set")
    exporting.add_argument("--set", type=int, required=True, metavar="N", help="number of the set")
    exporting.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    exporting.add_argument(
        "--images-url",
        metavar="URL",
        help="what stands before images/NAME (default: /data/local-files/?d=set_N/, Label Studio's "
        "own serving of local files, with the folder of sets as its document root)",
    )
    exporting.add_argument(
        "--without-annotations", action="store_true", help="only the tasks, for new annotators"
    )
    importing = commands.add_parser("import", help="add annotations of Label Studio's JSON export")
    importing.add_argument("file", type=Path, metavar="FILE")
    for command in (exporting, importing):
        command.add_argument(
            "--sets", type=Path, default=Path("data/human_study/sets"), metavar="FOLDER"
        )
        command.add_argument(
            "--annotations",
            type=Path,
            default=Path("data/human_study/annotations"),
            metavar="FOLDER",
        )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run(main, *sys.argv[1:])

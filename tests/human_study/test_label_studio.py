"""Annotations to Label Studio's JSON and back."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from caption_curation.human_study.annotations.categories import (
    CATEGORIES,
    CATEGORY_VERSION,
    NO_ERROR,
)
from caption_curation.human_study.annotations.records import Annotation, append, read
from tests.commands.console import Ended, console, succeed
from tests.human_study.page_sets import LOSS, MARKUP, write_study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A set of six images, two of which ANNA and one BEN annotated."""
    write_study(tmp_path, images=6)
    for annotation in (
        note("ANNA", "image-00", ("people/age", "main_object/wrong", "other_objects/wrong")),
        note("ANNA", "image-04", (), comment=MARKUP),
        note("BEN", "image-04", ("general/scene_event_location",), comment="two\nlines"),
    ):
        append(tmp_path / "annotations" / f"{annotation.annotator}.jsonl", annotation)
    return tmp_path


def note(
    annotator: str, image_id: str, categories: tuple[str, ...], comment: str = ""
) -> Annotation:
    return Annotation(
        set=1,
        image_id=image_id,
        annotator=annotator,
        categories=categories,
        no_error=not categories,
        comment=comment,
        category_version=CATEGORY_VERSION,
        shown_at="2026-11-21T10:00:00.250000+00:00",
        saved_at="2026-11-21T10:00:31+00:00",
    )


def export(study: Path, *options: str) -> list[dict[str, Any]]:
    succeed(
        *("label-studio", "export", "--set", "1", "--out", study / "out", *options),
        *("--sets", study / "sets", "--annotations", study / "annotations"),
    )
    tasks: list[dict[str, Any]] = json.loads((study / "out/tasks.json").read_text())
    return tasks


def bring_back(study: Path, tasks: Any, annotations: str = "imported") -> Ended:
    """Import what Label Studio exports."""
    (study / "export.json").write_text(json.dumps(tasks))
    return console(
        *("label-studio", "import", study / "export.json", "--sets", study / "sets"),
        *("--annotations", study / annotations),
    )


def imported(study: Path, tasks: Any) -> Path:
    """The folder of what was imported."""
    ended = bring_back(study, tasks)
    assert ended.status == 0, ended.err
    return study / "imported"


def of_person(tasks: list[dict[str, Any]], number: int) -> dict[str, Any]:
    """A task as Label Studio 1.x exports it, annotated there by a person with an account."""
    result = [
        {
            "value": {"choices": ["general/number", "general/colour"]},
            "id": "uh87CbF1k3",
            "from_name": "general",
            "to_name": "image",
            "type": "choices",
            "origin": "manual",
        },
        {
            "value": {"text": ["a", "b"]},
            "id": "Yd_BW-pLht",
            "from_name": "comment",
            "to_name": "image",
            "type": "textarea",
            "origin": "manual",
        },
    ]
    annotation = {
        "id": 12,
        "completed_by": {"id": 7, "email": "someone@example.org", "first_name": "Some"},
        "result": result,
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2026-11-21T11:00:00.508378Z",
        "updated_at": "2026-11-21T11:02:00.508378Z",
        "lead_time": 20.5,
        "task": 5,
    }
    return {
        "id": 5,
        "annotations": [annotation],
        "predictions": [],
        "data": {**tasks[number]["data"]},
    }


def test_the_round_trip_changes_nothing(study: Path) -> None:
    folder = imported(study, export(study))
    assert sorted(path.name for path in folder.iterdir()) == ["ANNA.jsonl", "BEN.jsonl"]
    for code in ("ANNA", "BEN"):
        before, after = (
            {made.image_id: made for made in read(where / f"{code}.jsonl")[0]}
            for where in (study / "annotations", folder)
        )
        assert after == before
        assert before


def test_the_configuration_names_every_category_and_every_result(study: Path) -> None:
    tasks = export(study)
    config = ElementTree.parse(study / "out/config.xml").getroot()
    choices = {
        choice.get("alias"): (choice.get("value"), choice.get("hint"))
        for choice in config.iter("Choice")
    }
    assert choices.pop(NO_ERROR) == ("No error", None)
    assert choices == {
        category.id: (category.name, category.explanation) for category in CATEGORIES
    }
    fields = {
        element.get("name"): element.tag for element in config if element.get("toName") == "image"
    }
    kinds = {"Choices": "choices", "TextArea": "textarea"}
    results = [
        region
        for task in tasks
        for exported in task["annotations"]
        for region in exported["result"]
    ]
    assert len(results) == 3 + 1 + 2 + 2 + 1 + 1 + 0
    for region in results:
        assert region["type"] == kinds[fields[region["from_name"]]]
        assert region["to_name"] == "image"
    shown = {f"${key}" for key in tasks[0]["data"]}
    assert {element.get("value") for element in config if element.tag in ("Image", "Text")} <= shown


def test_tasks_are_blind_and_name_their_images(study: Path) -> None:
    tasks = export(study, "--without-annotations", "--images-url", "https://lab.example/")
    assert all(task["annotations"] == [] for task in tasks)
    ids = [task["data"]["image_id"] for task in tasks]
    assert ids != sorted(ids)
    assert len(set(ids)) == 6
    assert tasks[0]["data"]["image"] == f"https://lab.example/images/{ids[0]}.jpg"
    assert tasks[0]["data"]["references"] == f"Of {ids[0]}.\n{MARKUP}"
    assert str(LOSS) not in (study / "out/tasks.json").read_text()


def test_people_with_accounts_get_a_code_without_their_names(study: Path) -> None:
    tasks = export(study, "--without-annotations")
    folder = imported(study, [of_person(tasks, 2)])
    ((annotation,), problems) = read(folder / "label-studio-7.jsonl")
    assert problems == []
    assert (annotation.categories, annotation.comment) == (
        ("general/number", "general/colour"),
        "a\nb",
    )
    assert annotation.saved_at == "2026-11-21T11:02:00.508378+00:00"
    assert annotation.shown_at == "2026-11-21T11:01:40.008378+00:00"
    assert "someone" not in (folder / "label-studio-7.jsonl").read_text()


def test_importing_twice_or_something_older_changes_nothing(study: Path) -> None:
    tasks = export(study)
    file = study / "annotations/ANNA.jsonl"
    append(file, note("ANNA", "image-04", ("general/text",)))
    before = file.read_bytes()
    bring_back(study, tasks, "annotations")
    again = bring_back(study, tasks, "annotations")
    assert file.read_bytes() == before
    assert "0 of 3 annotation(s) imported" in again.out


def test_all_faults_are_listed_and_nothing_is_imported(study: Path) -> None:
    tasks = export(study, "--without-annotations")
    bad = [of_person(tasks, number) for number in (0, 1, 2, 3, 4, 5, 0, 1, 2)]
    for number, task in enumerate(bad):
        task["id"] = 100 + number
    bad[0]["annotations"][0]["result"][0]["value"]["choices"] = ["general/number", "hats"]
    bad[1]["annotations"][0]["result"][0]["from_name"] = "mood"
    bad[2]["data"]["image_id"] = "../../secret"
    bad[3]["annotations"][0]["result"] = []
    bad[4]["data"]["category_version"] = "0"
    bad[5]["data"]["set"] = 9
    bad[6]["data"] = {"image": "x.jpg"}
    bad[7]["annotations"][0]["completed_by"] = None
    no_error = {"from_name": "no_error", "value": {"choices": ["no_error"]}}
    bad[8]["annotations"][0]["result"].append(no_error)
    ended = bring_back(study, bad)
    assert ended.status == 1
    message = ended.err
    for number, part in enumerate(
        (
            "general: unknown labels 'hats'",
            "from_name = 'mood'",
            "image_id = '../../secret'",
            "no_error must be true if",
            "category_version = '0'",
            "set 9: no file",
            "data: set is missing",
            "neither an annotator code nor",
            "no_error must be true if",
        )
    ):
        (line,) = [line for line in message.splitlines() if f"task {100 + number}" in line]
        assert part in line
    assert not (study / "imported").exists()


def test_cancelled_annotations_are_passed_over(study: Path) -> None:
    task = of_person(export(study, "--without-annotations"), 0)
    task["annotations"][0].update(was_cancelled=True, result=[])
    assert "task 5: a cancelled annotation was skipped" in bring_back(study, [task]).err
    assert not (study / "imported").exists()


@pytest.mark.parametrize("tasks", [{"tasks": []}, [1], "text", [{"data": {}, "annotations": {}}]])
def test_other_json_is_refused(study: Path, tasks: Any) -> None:
    ended = bring_back(study, tasks)
    assert ended.status == 1
    assert "export.json: " in ended.err

"""Annotation files lose nothing: damaged lines, killed writers, two writers at once."""

import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from caption_curation.human_study.annotations.categories import CATEGORIES, CATEGORY_IDS, CHECKED
from caption_curation.human_study.annotations.records import append, check_code, read
from caption_curation.support.errors import InputError
from tests.human_study.records import annotation


def test_there_are_25_categories_in_four_groups() -> None:
    groups: dict[str, list[str]] = {}
    for category in CATEGORIES:
        groups.setdefault(category.group, []).append(category.name)
        assert category.explanation
    object_errors = ["wrong", "similar", "inexistent", "extra", "weird"]
    assert {name: len(members) for name, members in groups.items()} == {
        "people": 6,
        "main object": 5,
        "other objects": 5,
        "general": 9,
    }
    assert groups["main object"] == groups["other objects"] == object_errors
    assert len(set(CATEGORY_IDS)) == 25
    assert CATEGORY_IDS[2] == "people/clothing_type"
    assert set(CHECKED) < set(CATEGORY_IDS)


def test_the_latest_line_of_an_image_counts(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "A.jsonl"
    first = annotation("x", "A", "people/age", comment="naïve\u2028\n<b>")
    corrected = annotation("x", "A", saved_at="2026-01-01T10:00:00Z")
    other = annotation("y", "A", "general/number", "general/text")
    elsewhere = annotation("x", "A", "people/gender", set=2)
    for made in (first, other, corrected, elsewhere):
        append(file, made)
    assert read(file) == ([corrected, other, elsewhere], [])
    lines = file.read_bytes().split(b"\n")
    assert json.loads(lines[0])["comment"] == first.comment  # nothing was overwritten
    assert len(lines) == 5
    assert read(tmp_path / "nobody.jsonl") == ([], [])


def test_a_damaged_last_line_is_kept_aside(tmp_path: Path) -> None:
    file = tmp_path / "A.jsonl"
    kept = annotation("x", "A")
    append(file, kept)
    torn = b'{"set": 1, "image_id": "y", "annot'
    with file.open("ab") as lines:
        lines.write(torn)
    before = file.read_bytes()
    annotations, problems = read(file)
    assert annotations == [kept]
    assert len(problems) == 1
    assert f"{file}, line 2: not used, set aside in A.jsonl.damaged" in problems[0]
    assert (tmp_path / "A.jsonl.damaged").read_bytes() == torn + b"\n"
    assert file.read_bytes() == before  # it is somebody's work: reading changes nothing

    # The next annotation begins a new line, so that the damage spoils nothing else.
    following = annotation("z", "A", "people/age")
    append(file, following)
    assert file.read_bytes().startswith(before + b"\n")
    annotations, problems = read(file)
    assert annotations == [kept, following]
    assert len(problems) == 1


def test_a_whole_last_line_without_its_end_is_used(tmp_path: Path) -> None:
    file = tmp_path / "A.jsonl"
    append(file, annotation("x", "A"))
    file.write_bytes(file.read_bytes().rstrip(b"\n"))
    append(file, annotation("y", "A"))
    annotations, problems = read(file)
    assert [made.image_id for made in annotations] == ["x", "y"]
    assert problems == []


def test_lines_of_other_content_are_told_one_by_one(tmp_path: Path) -> None:
    file = tmp_path / "A.jsonl"
    append(file, annotation("x", "A"))
    good = json.loads(file.read_text())
    wrong: list[Any] = [
        [],
        {**good, "extra": 1},
        {key: value for key, value in good.items() if key != "comment"},
        {**good, "set": "1"},
        {**good, "categories": "people/age"},
        {**good, "categories": ["people/hat"], "no_error": False},
    ]
    with file.open("a") as lines:
        lines.writelines(json.dumps(record) + "\n" for record in wrong)
        lines.write("[" * 100_000 + "\n")
        lines.write(json.dumps({**good, "set": int("1" * 4000)}) + "\n")
        lines.write(json.dumps({**good, "comment": "\ud800"}) + "\n")
        lines.write(json.dumps(good)[:-1] + ', "set": 2}\n')
    with file.open("ab") as binary:
        binary.write(b"\xff\xfe\n")
    annotations, problems = read(file)
    assert len(annotations) == 1
    assert [problem.split(": not used")[0] for problem in problems] == [
        f"{file}, line {number}" for number in range(2, 13)
    ]
    assert "people/hat" in problems[5]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"categories": ("people/age",), "no_error": True}, "no_error must be"),
        ({"no_error": False}, "no_error must be"),
        ({"set": 0}, "set must be at least 1"),
        ({"image_id": ""}, "image_id must not be empty"),
        ({"annotator": "a b"}, "annotator must be 1 to 32 letters"),
        ({"categories": ("people/age",) * 2, "no_error": False}, "twice"),
        ({"saved_at": "2026-01-01T09:00:00"}, "saved_at"),
        ({"shown_at": "2026-01-01T09:00:00+01:00"}, "UTC"),
        ({"set": True}, "set must be an integer, not true"),
    ],
)
def test_wrong_annotations_cannot_be_made(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(annotation("x", "A"), **changes)


def test_categories_of_another_version_are_not_judged() -> None:
    old = annotation("x", "A", "people/hat", category_version="0")
    assert old.categories == ("people/hat",)


@pytest.mark.parametrize("code", ["A", "anna-2_B", "x" * 32])
def test_codes(code: str) -> None:
    assert check_code(code) == code


@pytest.mark.parametrize("code", ["", "x" * 33, "../a", "a.b", "a b", "é", "a\n", "<b>"])
def test_other_codes_are_refused(code: str) -> None:
    with pytest.raises(InputError, match="letters"):
        check_code(code)


def write_many(file: Path, name: str) -> None:
    for number in range(50):
        append(file, annotation(f"{name}{number}", "A", comment="x" * 5000))


def test_two_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "A.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(file, name)) for name in "pq"]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert read(file)[1] == []  # never half a line
        os.sched_yield()
    annotations, problems = read(file)
    assert problems == []
    assert {made.image_id for made in annotations} == {f"{n}{i}" for n in "pq" for i in range(50)}

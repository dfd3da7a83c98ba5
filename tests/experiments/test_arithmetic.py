"""Experiments that were computed in different arithmetic, from their class files in the cache."""

import json
from pathlib import Path
from typing import Any

from caption_curation.curation.settings import Curation
from caption_curation.evaluation.arithmetic import agree
from caption_curation.experiments.arithmetic import classes_of
from caption_curation.experiments.comparability import largest_comparable, without_duplicates
from caption_curation.experiments.finished import FinishedExperiment
from caption_curation.experiments.overview import Row, overview_arithmetic
from tests.experiments.records import curation, experiment
from tests.experiments.test_runs import store

HERE, ELSEWHERE = "aaaa00000000", "bbbb00000000"


def computed(
    cache: Path, name: str, numerical_class: str | None, generator: str = "g", **changes: Any
) -> FinishedExperiment:
    """An experiment of a class, with its class files in the cache; ``None``: it has none."""
    drew = changes.get("method") == "replace_image"
    classes = {
        "data/generator": [numerical_class],
        "data/epochs/1/captioner": [numerical_class],
        "data/epochs/0/synthetic": [],
        "data/epochs/1/synthetic": [numerical_class] if drew else [],
    }
    outputs = {
        f"{output}.class.json": store(cache, json.dumps({"classes": found}).encode())
        for output, found in classes.items()
        if numerical_class
    }
    return experiment(
        name, outputs=outputs, cache=cache, setting={"data/generator": generator}, **changes
    )


def test_class_files_are_read_from_the_cache(tmp_path: Path) -> None:
    found = classes_of(computed(tmp_path, "drawn", HERE, method="replace_image"))
    assert found["captioner"] == found["generator"] == found["images"] == {HERE}
    assert not found["losses"]
    assert not classes_of(computed(tmp_path, "plain", HERE))["generator"]


def test_without_class_files_the_class_is_unknown(tmp_path: Path) -> None:
    before = computed(tmp_path, "before", None)
    assert classes_of(before)["captioner"] == {"unknown"}
    assert not classes_of(before)["images"]
    assert classes_of(computed(tmp_path, "drawn", None, method="replace_image"))["images"]
    (file,) = {before.cache / "files"}  # nothing was stored
    assert not file.exists()
    # So it is where the cache lacks them: nobody knows what they say.
    pushed = computed(tmp_path / "remote", "pushed", HERE)
    elsewhere = experiment("pulled", outputs=dict(pushed.outputs), cache=tmp_path / "empty")
    assert not agree(classes_of(elsewhere), classes_of(pushed))


def test_each_arithmetic_has_a_generator_of_its_own(tmp_path: Path) -> None:
    runs = [
        computed(tmp_path, "a", HERE, "1", method="replace_image"),
        computed(tmp_path, "b", ELSEWHERE, "2", method="replace_image"),
    ]
    assert largest_comparable(runs) == (runs, [])


def test_a_generator_that_drew_nothing_matters_to_no_comparison(tmp_path: Path) -> None:
    drawn = computed(tmp_path, "a", HERE, "1", method="replace_image")
    runs = [computed(tmp_path, "plain", HERE, "2"), drawn]
    assert largest_comparable(runs) == (runs, [])


def test_another_generator_of_the_same_arithmetic_is_left_out(tmp_path: Path) -> None:
    runs = [
        *(computed(tmp_path, name, HERE, "1", method="replace_image") for name in "ab"),
        computed(tmp_path, "forced", HERE, "2", method="replace_image"),
        computed(tmp_path, "elsewhere", ELSEWHERE, "2", method="replace_image"),
    ]
    kept, left_out = largest_comparable(runs)
    assert [each.name for each in kept] == ["a", "b", "elsewhere"]
    assert [(each.name, each.reason) for each in left_out] == [
        ("forced", "not comparable: another data/generator")
    ]


def test_of_an_experiment_in_both_arithmetics_the_one_with_partners_is_kept(tmp_path: Path) -> None:
    def pair(name: str, numerical_class: str, **changes: Any) -> tuple[Any, Curation]:
        found = computed(tmp_path, name, numerical_class, result=name, **changes)
        return found, curation(**changes)

    kept, left_out = without_duplicates(
        [
            pair("none-elsewhere", ELSEWHERE),
            pair("none-here", HERE),
            pair("remove-here", HERE, method="remove"),
        ]
    )
    assert [each.name for each, _ in kept] == ["none-here", "remove-here"]
    assert [(each.name, each.reason) for each in left_out] == [
        (
            "none-elsewhere",
            "the same experiment as none-here, in other arithmetic (captioner), with other results",
        )
    ]


def test_the_list_of_experiments_begins_with_what_differs(tmp_path: Path) -> None:
    def row(name: str, numerical_class: str) -> Row:
        classes = classes_of(computed(tmp_path, name, numerical_class))
        return Row(name, "finished", {}, {}, classes=classes)

    queued = Row("queued", "queued", {}, {})
    assert overview_arithmetic([row("a", HERE), row("b", HERE), queued], 80) == []
    rows = [row("a", HERE), row("b", HERE), row("c", ELSEWHERE), queued]
    head, told, empty = overview_arithmetic(rows, 80)
    assert head.startswith("In different arithmetic")
    assert told == f"  captioner: {HERE} in a and b; {ELSEWHERE} in c"
    assert empty == ""
    assert max(map(len, overview_arithmetic(rows, 40))) <= 40

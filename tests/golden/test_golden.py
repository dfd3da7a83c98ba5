"""Every method of curation, at a small size, gives the bytes that were accepted.

They are kept by numerical class: machines of one class compute the same. Where a change of results
is meant, ``pytest tests/golden --accept`` keeps the new ones, and the commit says why.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.golden import compare
from tests.golden.digests import Outputs, accept, differences, read_accepted
from tests.golden.project import CASES

CORPUS = "python -m stages.corpus data"
# An image of the demo's world is compressed a little more.
CHANGED = f"""
from unittest import mock
from tests.golden.__main__ import main
with mock.patch("caption_curation.demo_world.world.JPEG_QUALITY", 94):
    main(["changed.json", "--cases", "none", "--until", {CORPUS!r}])
"""


def run(folder: Path, *words: str) -> None:
    """Run a program of Python's in a folder."""
    variables = {"PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "src")])}
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the golden run wrote."""
    folder = tmp_path_factory.mktemp("golden")
    run(folder, "-m", "tests.golden", "golden.json")
    content: dict[str, Any] = json.loads((folder / "golden.json").read_text())
    return content


def test_all_outputs_have_the_accepted_bytes(
    golden: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    name, found = golden["numerical_class"], golden["outputs"]
    if request.config.getoption("--accept"):
        accept(found, name)
    accepted = read_accepted(name)
    if accepted is None:
        pytest.skip(f"no digests of the numerical class {name} are kept; --accept keeps them")
    assert not differences(accepted, found), "\n".join(differences(accepted, found))


def test_every_stage_of_the_main_pipeline_writes_something_in_every_case(
    golden: dict[str, Any],
) -> None:
    found = golden["outputs"]
    names = {command.split()[2].removeprefix("stages.") for command in found}
    expected = {path.stem for path in (REPOSITORY / "stages").glob("[!_]*.py")} - {"families"}
    assert names == expected
    for files in found.values():
        assert {case for digests in files.values() for case in digests} == set(CASES)
    for epoch, cases in {0: {"replace_image, static"}, 1: {"replace_image"}}.items():
        drawn = found[f"python -m stages.synthesize {epoch}"]
        assert drawn[f"data/epochs/{epoch}/synthetic/*.jpg"].keys() == cases
    metrics = found["python -m stages.evaluate"]["reports/evaluation/metrics.json"]
    assert len(set(metrics.values())) == len(CASES)


def test_a_changed_constant_is_found(golden: dict[str, Any], tmp_path: Path) -> None:
    run(tmp_path, "-c", CHANGED)
    changed = json.loads((tmp_path / "changed.json").read_text())["outputs"]
    assert CORPUS in changed
    before = {
        command: {path: {"none": digests["none"]} for path, digests in files.items()}
        for command, files in golden["outputs"].items()
        if command in changed
    }
    [first, *others] = differences(before, changed)
    assert first == f"{CORPUS} is the first stage that writes other bytes:"
    assert "  data/corpus/images/*.jpg (none)" in others
    assert not [line for line in others if "ground_truth" in line]


# ------------------------------------------------------------------------ what is kept and shown

OUTPUTS: Outputs = {
    "first": {"a": {"none": "1", "remove": "1"}, "b": {"none": "1", "remove": "2"}},
    "second": {"c": {"remove": "3"}, "d": {"none": "4", "remove": "4"}},
}
PLACE = {"python": "3.11.7", "versions": {"torch": "2.13.0"}}


def with_digest(command: str, path: str, **digests: str) -> Outputs:
    """Those outputs with some digests of a file changed."""
    changed = {name: dict(files) for name, files in OUTPUTS.items()}
    changed[command][path] = changed[command].get(path, {}) | digests
    return changed


def test_what_is_accepted_is_read_again(tmp_path: Path) -> None:
    assert read_accepted("0a", tmp_path) is None
    accept(OUTPUTS, "0a", tmp_path)
    assert read_accepted("0a", tmp_path) == OUTPUTS
    assert read_accepted("0b", tmp_path) is None


def test_another_class_is_kept_until_results_change(tmp_path: Path) -> None:
    changed = with_digest("second", "d", none="5")
    accept(OUTPUTS, "0a", tmp_path)
    accept(changed, "0b", tmp_path)
    accept(OUTPUTS, "0a", tmp_path)
    assert read_accepted("0b", tmp_path) == changed
    accept(changed, "0a", tmp_path)
    assert read_accepted("0a", tmp_path) == changed
    assert read_accepted("0b", tmp_path) is None


def test_the_first_stage_that_differs_is_shown_with_its_files() -> None:
    assert differences(OUTPUTS, OUTPUTS) == []
    changed = with_digest("first", "b", remove="0")
    changed["second"]["d"] = {"none": "0", "remove": "0"}
    assert differences(OUTPUTS, changed) == [
        "first is the first stage that writes other bytes:",
        "  b (remove)",
        "so do, after it:",
        "  second (1 files)",
    ]


def test_files_that_are_new_or_gone_are_differences() -> None:
    new = with_digest("second", "e", none="0")
    expected = ["second is the first stage that writes other bytes:", "  e (none)"]
    assert differences(OUTPUTS, new) == differences(new, OUTPUTS) == expected
    without = {"first": OUTPUTS["first"]}
    assert differences(OUTPUTS, without)[1:] == ["  c (remove)", "  d (in all cases)"]


def test_rows_of_comparisons_count_what_both_runs_have() -> None:
    here = {"numerical_class": "0a", "outputs": OUTPUTS, **PLACE}
    outputs = with_digest("second", "d", remove="0")
    row = compare.row_of("other", here, {"numerical_class": "0b", "outputs": outputs, **PLACE})
    assert (row.same_class, row.digests, row.differing, row.first) == (False, 7, 1, "second")
    only_none = {"second": {"d": {"none": "4"}}}
    row = compare.row_of("part", here, {"numerical_class": "0a", "outputs": only_none, **PLACE})
    assert (row.same_class, row.digests, row.differing, row.first) == (True, 3, 2, "first")


def test_the_table_of_comparisons_is_up_to_date() -> None:
    text = compare.table(compare.read_rows())
    assert f"\n\n{text}\n\n".join(compare.MARKERS) in compare.PAGE.read_text(encoding="utf-8"), (
        "run `python -m tests.golden.compare`"
    )

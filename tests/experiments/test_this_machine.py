"""What is said before experiments run on a machine of another numerical class."""

import json
from pathlib import Path

from caption_curation.evaluation.arithmetic import KINDS, RunClasses
from caption_curation.experiments.this_machine import (
    class_here,
    machines,
    other_machines,
    other_results,
)
from caption_curation.numerical_classes import MACHINES

HERE, ELSEWHERE = "aaaa00000000", "bbbb00000000"


def of(numerical_class: str) -> RunClasses:
    return {kind: frozenset([numerical_class]) for kind in KINDS}


def log_of(cache: Path, *entries: tuple[str, str]) -> None:
    """Machines by host and class, as stages log them, with a line that two have written at once."""
    (cache / MACHINES).parent.mkdir(parents=True)
    lines = [
        json.dumps({"since": f"2026-11-2{number}", "class": name, "host": host, "processor": "P"})
        for number, (host, name) in enumerate(entries)
    ]
    (cache / MACHINES).write_text("\n".join([*lines, '{"since": "2026{"since"']))


def test_results_of_this_class_and_of_unknown_ones_give_no_warning() -> None:
    assert other_results([HERE], {"HEAD": of(HERE), "old": of("unknown"), "queued": {}}) == []


def test_results_of_another_class_are_named_with_their_kinds() -> None:
    drawn = {**of(HERE), "images": frozenset([HERE, ELSEWHERE])}
    assert other_results([HERE], {"HEAD": of(HERE), "drawn": drawn}) == [
        f"of numerical class {ELSEWHERE}: images of drawn"
    ]
    (line,) = other_results([HERE], {"HEAD": of(ELSEWHERE), "a": drawn, "b": of(ELSEWHERE)})
    assert line == (
        f"of numerical class {ELSEWHERE}: generator, images, captioner, losses, captions, "
        "CLIPScore of this commit's own run and 2 experiments"
    )


def test_other_machines_are_named_by_their_last_class(tmp_path: Path) -> None:
    assert machines(tmp_path) == []
    log_of(tmp_path, ("me", ELSEWHERE), ("alike", HERE), ("far", HERE), ("far", "cccc00000000"))
    found = machines(tmp_path)
    assert [machine.host for machine in found] == ["me", "alike", "far", "far"]
    assert other_machines([HERE], found, "me") == []
    assert other_machines([ELSEWHERE], found, "me") == [
        f"alike (P), which has computed with this cache, is of numerical class {HERE} since "
        "2026-11-21",
        "far (P), which has computed with this cache, is of numerical class cccc00000000 since "
        "2026-11-23",
    ]


def test_the_class_is_that_of_a_process_of_its_own() -> None:
    assert len(class_here("native")) == 12

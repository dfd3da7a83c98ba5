"""A comparison of experiments that were computed in different arithmetic."""

import csv
import re
from pathlib import Path

import pytest

from caption_curation.evaluation.arithmetic import KINDS, RunClasses
from caption_curation.experiments.runs import Run
from caption_curation.reports.comparison.arithmetic import arithmetic_lines
from caption_curation.reports.comparison.changed_captions import changed_captions
from caption_curation.reports.comparison.page import write_comparison
from caption_curation.reports.comparison.sections import default_sections, runs_by_setting
from caption_curation.reports.comparison.tables import best_variants, score_rows
from tests.experiments.records import run
from tests.reports.test_report import Page

HERE, ELSEWHERE = "aaaa00000000", "bbbb00000000"


def of(numerical_class: str, **others: str) -> RunClasses:
    """The classes of a run without images, and of what is otherwise."""
    own = {kind: numerical_class for kind in KINDS if kind not in ("generator", "images")}
    return {kind: frozenset([name]) for kind, name in (own | others).items()}


# Removing is better by 0.1, 0.2 and 0.3 with seeds 0 to 2. Seed 3 would turn the mean round: the
# curated run is of another machine.
RUNS = [
    *(run(seed, 2.0 + seed, classes=of(HERE)) for seed in (0, 1, 2, 3)),
    *(
        run(seed, 2.0 + seed + change, method="remove", classes=of(where))
        for seed, change, where in (
            (0, 0.1, HERE),
            (1, 0.2, HERE),
            (2, 0.3, HERE),
            (3, -2.0, ELSEWHERE),
        )
    ),
    *(
        run(seed, 2.0 + seed, method="remove", score="random", classes=of(where))
        for seed, where in ((0, HERE), (1, ELSEWHERE))
    ),
]


def write(folder: Path, runs: list[Run]) -> Page:
    write_comparison(
        folder,
        title="Two machines",
        sections=default_sections(runs),
        runs=runs,
        left_out=[],
        command="caption-curation compare",
    )
    html = (folder / "index.html").read_text(encoding="utf-8")
    return Page(re.sub(r"<(/?)br>", "", html))


def test_pairs_are_made_within_a_class_only() -> None:
    rows = {row.variant.slug: row for row in score_rows(RUNS, RUNS, {})}
    removed = rows["remove-loss_mean-top0.4"]
    assert removed.to_none["cider"].mean == pytest.approx(0.2)
    assert removed.to_none["cider"].seeds == 3
    assert sorted(removed.differences["cider"]) == [0, 1, 2]
    # The control has a partner with seed 0 alone.
    assert removed.to_random["cider"].mean == pytest.approx(0.1)
    assert removed.to_random["cider"].seeds == 1
    # Scores stay means over all seeds.
    assert removed.scores["cider"].seeds == 4


def test_images_of_another_class_do_not_part_a_run_from_one_without_images() -> None:
    runs = [
        run(0, 2.0, classes=of(HERE)),
        run(0, 2.5, method="replace_image", classes=of(HERE, images=ELSEWHERE)),
    ]
    assert score_rows(runs, runs, {})[1].to_none["cider"].mean == pytest.approx(0.5)


def test_the_best_row_is_looked_for_within_a_class() -> None:
    runs = [
        *(run(seed, 2.0, classes=of(HERE)) for seed in (0, 1, 2)),
        *(run(seed, 2.1, method="remove", classes=of(HERE)) for seed in (0, 1)),
        run(2, 0.0, method="remove", classes=of(ELSEWHERE)),
    ]
    (best,) = best_variants(score_rows(runs, runs, {}))["cider"]
    assert best.method == "remove"


def test_captions_are_shown_side_by_side_within_a_class() -> None:
    runs = [run(0, 2.0, classes=of(HERE)), run(0, 2.1, method="remove", classes=of(ELSEWHERE))]
    assert changed_captions(runs, [runs[1].variant]) == ([], [])


def test_the_first_screen_says_which_rows_differ_in_which_results(tmp_path: Path) -> None:
    page = write(tmp_path / "page", RUNS)
    tags = [(tag, " ".join("".join(text).split())) for tag, _, text in page.elements]
    told = (
        f"captioner, losses, captions and CLIPScore: {HERE} in 8 experiments; {ELSEWHERE} in "
        "remove-loss_mean-top0.4-seed3 and remove-random-top0.4-seed1"
    )
    # Before the contents of the page, and thus before every table.
    names = [tag for tag, _ in tags]
    assert tags.index(("li", told)) < names.index("nav") < names.index("table")
    notes = page.texts("li")
    assert (
        "remove: mean loss, top 40 %: the experiment without curation of seed 3 is of other "
        "arithmetic: not in differences"
    ) in notes
    assert (
        "remove: mean loss, top 40 %: the random control of seed 1 is of other arithmetic: not in "
        "differences"
    ) in notes
    (row,) = [note for note in notes if note.startswith("remove-loss_mean-top0.4-seed3: ")]
    assert row.endswith(
        f"captioner in {ELSEWHERE}, losses in {ELSEWHERE}, captions in {ELSEWHERE}, CLIPScore in "
        f"{ELSEWHERE}"
    )
    with (tmp_path / "page" / "tables" / "runs.csv").open(newline="") as lines:
        rows = {row["experiment"]: row for row in csv.DictReader(lines)}
    assert rows["none-seed0"]["class_of_captioner"] == HERE
    assert rows["remove-random-top0.4-seed1"]["class_of_losses"] == ELSEWHERE


def test_one_class_says_nothing(tmp_path: Path) -> None:
    runs = [each for each in RUNS if each.classes["captioner"] == {HERE}]
    page = write(tmp_path / "page", runs)
    assert not page.texts("div", **{"class": "caution"})
    assert not [text for text in page.texts("li") if "arithmetic" in text or HERE in text]


def test_settings_are_not_held_against_each_other(tmp_path: Path) -> None:
    """Nothing is compared across them: one may be in native arithmetic, one in portable."""
    portable = "demo, compute.arithmetic = portable"
    runs = [
        run(0, 2.0, classes=of(HERE)),
        run(0, 2.0, name="other", setting=portable, classes=of(ELSEWHERE)),
    ]
    assert arithmetic_lines(runs_by_setting(runs)) == []
    runs.append(run(1, 2.0, name="third", setting=portable, classes=of(HERE)))
    (line,) = arithmetic_lines(runs_by_setting(runs))
    assert line.startswith(f"{portable}: captioner, losses, ")

"""The paper's numbers beside ours, where the settings are those of its Table 2."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest

from caption_curation.experiments.runs import Run
from caption_curation.experiments.study import load_studies
from caption_curation.experiments.study_plan import plan
from caption_curation.paper.numbers import remarks, table_2
from caption_curation.reports.comparison.page import write_comparison
from caption_curation.reports.comparison.paper_rows import PaperScores, paper_scores
from caption_curation.reports.comparison.sections import Section
from tests.conftest import REPOSITORY
from tests.experiments.records import experiment, run
from tests.reports.test_report import Page

REMOVE: dict[str, Any] = {"method": "remove", "rule": "mean_std", "std": 2.0}


def of(profile: str, fraction: float = 1.0, **changes: Any) -> PaperScores | None:
    return paper_scores(profile, fraction, run(0, 1.0, **changes).variant)


def test_every_row_of_table_2_is_found() -> None:
    for row in table_2():
        key = "std" if row.rule == "mean_std" else "ratio"
        setting: dict[str, Any] = {"rule": row.rule, key: row.amount} if row.rule else {}
        found = of(row.profile, method=row.method, **setting)
        assert found and found.scores["cider"] == pytest.approx(row.scores["cider"] / 100)
        assert bool(found.to_none) == (row.method != "none")


def test_the_papers_studies_repeat_every_row_of_table_2_and_nothing_else() -> None:
    files = [REPOSITORY / "studies" / f"{corpus}.yaml" for corpus in ("flickr30k", "coco")]
    found = [
        paper_scores(each.experiment.profile, each.params.profile.data.train_fraction, each.variant)
        for each in plan(load_studies(files, ["table_2"]), REPOSITORY)
    ]
    ciders = [round(100 * scores.scores["cider"], 1) for scores in found if scores]
    assert len(ciders) == len(found)
    assert set(ciders) == {row.scores["cider"] for row in table_2()}


@pytest.mark.parametrize("score", ["loss_sum", "loss_mean", "loss_sum_smoothed"])
def test_any_loss_is_taken_for_the_papers(score: str) -> None:
    found = of("flickr30k", **REMOVE, score=score)
    assert found and found.to_none["cider"] == pytest.approx(0.03)


@pytest.mark.parametrize(
    ("profile", "changes"),
    [
        ("demo", REMOVE),
        ("demo", {"method": "none"}),
        ("flickr30k", REMOVE | {"fraction": 0.01}),
        ("coco", REMOVE),
        ("flickr30k", REMOVE | {"std": 1.0}),
        ("flickr30k", REMOVE | {"score": "random"}),
        ("flickr30k", {"method": "replace_image", "schedule": "static", "ratio": 0.4}),
        ("flickr30k", {"method": "replace_image", "ratio": 0.4, "pair_with": "easiest"}),
    ],
)
def test_other_settings_have_no_row(profile: str, changes: dict[str, Any]) -> None:
    assert of(profile, **changes) is None


def test_a_part_of_the_images_is_read_from_the_locks() -> None:
    part = experiment("a", setting={"profiles/flickr30k.yaml: data.train_fraction": 0.01})
    assert run(0, 1.0, profile="flickr30k", source=part).train_fraction == 0.01
    assert run(0, 1.0, profile="flickr30k").train_fraction == 1


def write(folder: Path, runs: list[Run]) -> tuple[Page, str]:
    for each in runs:
        object.__setattr__(each, "audit", [])
    sections = [Section(name, name, "", runs) for name in ("one", "two")]
    write_comparison(
        folder, title="A", sections=sections, runs=runs, left_out=[], command="compare"
    )
    html = (folder / "index.html").read_text(encoding="utf-8")
    return Page(re.sub(r"<(/?)br>", "", html)), html


def test_the_papers_scores_and_differences_stand_beside_ours(tmp_path: Path) -> None:
    runs = [
        run(0, 0.9, profile="flickr30k", scores={"spice": 0.2}),
        run(0, 0.95, profile="flickr30k", scores={"spice": 0.21}, **REMOVE),
    ]
    page, html = write(tmp_path / "out", runs)
    row = next(text for text in page.texts("tr") if text.startswith("Remove"))
    words = " ".join(row.split())
    # To none, then CIDEr, BLEU-4 and SPICE, each with the paper's own.
    assert re.search(r"\+5\.0 ?paper \+3\.0 95\.0 ?paper 95\.8 50\.0 ?paper 38\.6", words), words
    assert re.search(r"21\.0 ?paper 21\.0$", words), words
    for remark in remarks("table_2"):
        assert html.count(remark.replace("'", "&#39;")) == 1, "remarks stand once"

    with (tmp_path / "out/tables/scores.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["metric"] == "cider"]
    assert [row["paper_score"] for row in rows[:2]] == ["0.928", "0.958"]
    assert [row["paper_minus_none"] for row in rows[:2]] == ["", "0.03"]
    latex = (tmp_path / "out/table.tex").read_text()
    assert "\\quad paper &  &  & $+3.0$ & -- & $95.8$ & $38.6$ & $21.0$ \\\\" in latex
    assert remarks("table_2")[0] in latex


def test_a_page_of_the_demo_has_nothing_of_the_paper(tmp_path: Path) -> None:
    runs = [run(0, 0.9), run(0, 0.95, **REMOVE)]
    _, html = write(tmp_path / "out", runs)
    assert "2305.03610" not in html and 'class="paper"' not in html
    assert "quad paper" not in (tmp_path / "out/table.tex").read_text()

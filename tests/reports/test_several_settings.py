"""A comparison of several corpora on one page: nothing is compared across them."""

import csv
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from caption_curation.experiments.comparability import by_parameters
from caption_curation.experiments.finished import FinishedExperiment
from caption_curation.experiments.runs import Run
from caption_curation.reports.comparison.page import write_comparison
from caption_curation.reports.comparison.sections import Section, default_sections, setting_slugs
from tests.experiments.records import experiment, run
from tests.reports.test_over_images import of_ciders
from tests.reports.test_report import Page

FEW = "flickr30k, 1 % of the images"


def of_corpus(setting: str, cider: float, images: int) -> list[Run]:
    profile = setting.partition(",")[0]
    spread = np.linspace(0, 1, images)
    return [
        run(seed, cider + change, name=f"{setting}-{method}-{seed}", profile=profile,
            setting=setting, method=method, images=of_ciders(cider + (1 + change) * spread))
        for seed in (0, 1)
        for method, change in (("none", 0.0), ("remove", 0.1 + seed / 10))
    ]  # fmt: skip


# Were it compared with the other corpus, the worse corpus would lose in every row.
SMALL, LARGE, SHOT = (
    of_corpus("flickr30k", 0.9, 10),
    of_corpus("coco", 1.3, 20),
    of_corpus(FEW, 0.4, 10),
)


def sections(runs: list[Run]) -> list[Section]:
    """What a study makes: groups of runs of several settings."""
    whole = [run for run in runs if run.setting != FEW]
    return [
        Section("table_2", "Table 2", "Which method is best?", whole),
        Section("few_shot", "Few-shot", "", [run for run in runs if run.profile == "flickr30k"]),
    ]


def write(folder: Path, runs: list[Run], of: list[Section]) -> Path:
    write_comparison(
        folder,
        title="Both",
        sections=of,
        runs=runs,
        left_out=[],
        command="caption-curation study",
    )
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = [*SMALL, *LARGE, *SHOT]
    return write(tmp_path_factory.mktemp("several") / "out", runs, sections(runs))


def scores(folder: Path) -> list[dict[str, str]]:
    with (folder / "tables/scores.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_setting_has_a_table_of_its_own(folder: Path) -> None:
    page = Page(re.sub("<br>", "", (folder / "index.html").read_text(encoding="utf-8")))
    headings = page.texts("h2")

    assert [text for text in headings if text.startswith(("Table 2", "Few"))] == [
        "Table 2: flickr30k",
        "Table 2: coco",
        "Few-shot: flickr30k",
        f"Few-shot: {FEW}",
    ]
    assert page.texts("p").count("Which method is best?") == 1
    # The best of each of the four tables is bold, and nothing else is.
    bold = set(page.texts("strong"))
    assert {"105.0", "145.0", "55.0"} <= bold
    assert not {"90.0", "130.0", "40.0"} & bold
    ids = [found["id"] for _, found, _ in page.elements if "id" in found]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("setting", "runs"), [("coco", LARGE), ("flickr30k", SMALL)])
def test_the_numbers_are_those_of_a_page_of_one_setting(
    folder: Path, tmp_path: Path, setting: str, runs: list[Run]
) -> None:
    alone = write(tmp_path / "alone", runs, [Section("table_2", "Table 2", "", runs)])
    assert [row | {"section": ""} for row in scores(folder)
            if row["setting"] == setting and row["section"].startswith("table_2")] == [
        row | {"section": ""} for row in scores(alone)
    ]  # fmt: skip
    (latex,) = [
        table
        for table in (folder / "table.tex").read_text().split("% \\usepackage{booktabs}\n")
        if table.startswith(f"% Profile {setting}, test")
    ]
    assert latex.strip() == (alone / "table.tex").read_text().partition("\n")[2].strip()
    for name in ("losses", "summed_losses", "hard_samples", "chosen_lengths", "noise"):
        with (folder / f"tables/{name}.csv").open(newline="") as lines:
            found = [line for line in csv.DictReader(lines) if line["setting"] == setting]
        with (alone / f"tables/{name}.csv").open(newline="") as lines:
            assert found == list(csv.DictReader(lines))


def test_figures_of_settings_are_files_of_their_own(folder: Path) -> None:
    figures = {path.stem: path for path in (folder / "figures").glob("*.svg")}
    assert {
        "table_2-coco_differences", "table_2-flickr30k_differences", "losses-coco",
        "losses-flickr30k", "losses-flickr30k_1_of_the_images", "chosen_lengths-coco",
        "noise_epoch_1-coco",
    } <= set(figures)  # fmt: skip
    for path in figures.values():
        ElementTree.parse(path)
    page = Page(re.sub("<br>", "", (folder / "index.html").read_text(encoding="utf-8")))
    assert len(page.texts("figcaption")) == len(figures)


def test_a_page_without_a_study_has_the_sections_of_each_setting() -> None:
    found = default_sections([*SMALL, *LARGE])
    assert [{run.setting for run in section.runs} for section in found] == [{"flickr30k"}, {"coco"}]


def test_settings_of_one_slug_have_files_of_their_own() -> None:
    slugs = setting_slugs(["demo, a = b", "demo, a, b", "demo"])
    assert len(set(slugs.values())) == 3
    assert setting_slugs(["demo"]) == {"demo": ""}


def finished(name: str, profile: str, fraction: float, **others: object) -> FinishedExperiment:
    """One whose corpus is another than everybody's, which only matters within a setting."""
    made = experiment(name)
    setting = {
        f"profiles/{profile}.yaml: data.train_fraction": fraction,
        "data/corpus": name,
        **{f"params.yaml: {key}": value for key, value in others.items()},
    }
    return replace(made, setting=setting)


def test_settings_are_told_apart_by_what_they_differ_in() -> None:
    found = by_parameters(
        [
            finished("a", "demo", 1),
            finished("b", "demo", 1.0),
            finished("c", "demo", 0.01),
            finished("d", "coco", 1.0),
            finished("e", "coco", 1.0, mode="single"),
            finished("f", "flickr8k", 0.5, epochs=3, styler=""),
            finished("g", "flickr8k", 0.5, epochs=5, styler="a photograph"),
        ]
    )
    assert {label: [each.name for each in group] for label, group in found.items()} == {
        "demo": ["a", "b"],
        "demo, 1 % of the images": ["c"],
        "coco, without mode": ["d"],
        "coco, mode = single": ["e"],
        "flickr8k, 50 % of the images, epochs = 3, styler = ''": ["f"],
        "flickr8k, 50 % of the images, epochs = 5, styler = 'a photograph'": ["g"],
    }

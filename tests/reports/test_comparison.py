"""The folder that a comparison writes, from runs whose numbers are known."""

import csv
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D
from PIL import Image
from scipy import stats

from caption_curation.experiments.comparability import LeftOut
from caption_curation.experiments.runs import Run
from caption_curation.reports.comparison.latex import to_latex
from caption_curation.reports.comparison.page import check_folder, write_comparison
from caption_curation.reports.comparison.page_figures import (
    corpus_figures,
    loss_figures,
    section_figures,
)
from caption_curation.reports.comparison.sections import Section, default_sections
from caption_curation.reports.comparison.tables import score_rows
from caption_curation.reports.page.style import to_svg
from caption_curation.support.errors import InputError
from tests.experiments.records import run
from tests.reports.test_report import Page

RUNS = [
    *(run(seed, 2.0 + seed, scores={"meteor": None}) for seed in (0, 1, 2)),
    *(
        run(seed, 2.0 + seed + change, method="remove")
        for seed, change in ((0, 0.1), (1, 0.2), (2, 0.3))
    ),
    *(run(seed, 2.0 + seed, method="remove", score="random") for seed in (0, 1)),
    *(run(0, 2.5, method="replace_image", ratio=ratio) for ratio in (0.2, 0.4)),
    run(0, 2.5, method="replace_image", ratio=0.2, schedule="static"),
]
LEFT_OUT = [LeftOut("broken <i>", "failed")]


def write(folder: Path, runs: list[Run], sections: list[Section] | None = None) -> list[str]:
    return write_comparison(
        folder,
        title="A <title>",
        sections=sections or default_sections(runs),
        runs=runs,
        left_out=LEFT_OUT,
        command="caption-curation compare",
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("comparison") / "out"
    write(folder, RUNS)
    return folder


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_means_intervals_and_paired_differences() -> None:
    rows = {row.variant.slug: row for row in score_rows(RUNS, RUNS, {})}
    remove = rows["remove-loss_mean-top0.4"]

    assert next(iter(rows)) == "none"
    assert remove.scores["cider"].mean == pytest.approx(3.2)
    # Differences 0.1, 0.2, 0.3: standard deviation 0.1, t(0.975, 2) = 4.303.
    assert remove.to_none["cider"].mean == pytest.approx(0.2)
    assert remove.to_none["cider"].half_width == pytest.approx(4.303 * 0.1 / 3**0.5, abs=1e-4)
    # The control has two of the seeds.
    assert remove.to_random["cider"].mean == pytest.approx(0.15)
    assert remove.to_random["cider"].seeds == 2
    assert not rows["none"].to_none
    assert rows["replace_image-static-top0.2"].scores["cider"].half_width is None
    assert "meteor" not in rows["none"].scores


def test_what_has_no_control_is_not_compared_with_one(tmp_path: Path) -> None:
    runs = [
        run(seed, change, method="remove", rule="mean_std", score=score)
        for score, change in (("loss_sum", 2.0), ("loss_mean", 1.0), ("random", 0.5))
        for seed in (0, 1)
    ]
    rows = {row.variant.score: row for row in score_rows(runs, runs, {})}
    assert rows["loss_mean"].to_random["cider"].mean == pytest.approx(0.5)
    assert not rows["loss_sum"].to_random
    said = [note for note in write(tmp_path / "out", runs) if "random control chooses" in note]
    assert len(said) == 1 and said[0].startswith("remove: summed loss, mean + 2 std: ")


def test_the_page_is_well_formed_escaped_and_needs_nothing_else(folder: Path) -> None:
    html = (folder / "index.html").read_text(encoding="utf-8")
    page = Page(re.sub(r"<(/?)br>", "", html))

    assert "A &lt;title&gt;" in html and "A <title>" not in html
    assert "broken <i>: failed" in page.texts("li")
    assert not page.attributes("img", "src") and not page.attributes("script", "src")
    links = page.attributes("a", "href")
    for link in links:
        if link.startswith("#"):
            assert link[1:] in {found.get("id") for _, found, _ in page.elements}
        else:
            assert (folder / link).exists(), link
    cells = page.texts("td")
    assert "320.0± 273.3" in [cell.replace(" ±", "±") for cell in cells]
    assert "+20.0 ± 24.8 (seeds)" in [re.sub(r"\s*±", " ±", cell) for cell in cells]


def test_the_page_says_what_is_missing(folder: Path) -> None:
    notes = Page(re.sub(r"<br>", "", (folder / "index.html").read_text())).texts("li")

    assert "replace image: static, 20 %: 1 seed, so there is no interval over seeds" in notes
    assert any(note.startswith("METEOR: not computed by none-seed0") for note in notes)
    # The control has two of three seeds, so that its difference is one of fewer seeds.
    unpaired = "remove: mean loss, top 40 %: no random control with seed 2: not in differences"
    assert unpaired in notes


def test_what_a_choice_never_finds_stands_out(folder: Path) -> None:
    page = Page(re.sub(r"<br>", "", (folder / "index.html").read_text()))
    row = next(text for text in page.texts("tr") if text.startswith("Summed loss mean + 2 std"))
    # Chosen, then found and of chosen: wrong captions, mismatched images, over-long ones, any.
    assert re.findall(r"([\d.]+)\s%", row) == ["4.0", *["0.0"] * 4, "100", "100", "15", "100"]
    assert page.texts("span", **{"class": "zero"}).count("0.0 %") >= 4


def test_figures_and_tables_are_files_of_their_own(folder: Path) -> None:
    figures = {path.stem for path in (folder / "figures").glob("*.svg")}
    assert figures == {path.stem for path in (folder / "figures").glob("*.png")}
    assert {"methods_differences", "ratios_amounts", "losses", "hard_samples"} <= figures
    assert {"corpus_lengths", "chosen_lengths"} <= figures
    assert "noise_epoch_1" in figures
    with Image.open(folder / "figures" / "losses.png") as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=1)
        assert image.width == pytest.approx(6.3 * 300, abs=2)
    scores = [
        row
        for row in read_csv(folder / "tables" / "scores.csv")
        if (row["section"], row["method"], row["score"]) == ("methods", "remove", "loss_mean")
    ]
    cider = next(row for row in scores if row["metric"] == "cider")
    assert float(cider["minus_none_mean"]) == pytest.approx(0.2)
    assert len(read_csv(folder / "tables" / "runs.csv")) == len(RUNS)
    assert read_csv(folder / "tables" / "left_out.csv") == [
        {"experiment": "broken <i>", "reason": "failed"}
    ]


def points(axes: Axes) -> dict[str, list[Any]]:
    """The points of every line of a panel, by the line's label."""
    return {
        str(bars.get_label()): [
            pytest.approx(point) for point in np.asarray(bars.lines[0].get_xydata()).tolist()
        ]
        for bars in axes.containers
        if isinstance(bars, ErrorbarContainer)
    }


def test_lines_that_mean_different_things_look_different() -> None:
    lines: list[dict[str, Any]] = [
        *({"score": score} for score in ("loss_mean", "loss_sum", "random")),
        *({"pair_with": name} for name in ("easiest", "random_easier")),
    ]
    runs = [
        run(0, 1.0, method="replace_image", ratio=ratio, **line)
        for line in lines
        for ratio in (0.2, 0.4)
    ]
    (amounts,) = section_figures(Section("ratios", "", "", runs), score_rows(runs, runs, {}))
    bars = amounts.figure.axes[0].containers
    drawn: list[Line2D] = [bar.lines[0] for bar in bars if isinstance(bar, ErrorbarContainer)]
    assert len({(line.get_color(), line.get_linestyle(), line.get_marker()) for line in drawn}) == 5

    by_loss = [
        run for run in runs if run.variant.score == "loss_mean" and run.curation.ratio == 0.2
    ]
    losses = loss_figures(by_loss, [run.variant for run in by_loss])[0]
    dashes = re.findall(r"stroke-dasharray: ([^;\"]+)", to_svg(losses.figure, "losses"))
    assert len(set(dashes)) == 2, "the sample's own caption has a solid line"


def test_a_rule_by_deviations_stands_at_the_share_that_it_chose() -> None:
    runs = [
        run(0, 2.0),
        *(run(0, 2.0 + ratio, method="remove", ratio=ratio) for ratio in (0.01, 0.05, 0.1)),
        run(0, 2.5, method="remove", rule="mean_std", chosen_share=0.06),
        run(1, 2.7, method="remove", rule="mean_std", chosen_share=0.08),
        *(run(0, 2.0 + ratio, method="replace_image", ratio=ratio) for ratio in (0.1, 0.8)),
    ]
    (amounts,) = section_figures(Section("a", "", "", runs), score_rows(runs, runs, {}))[1:]
    remove, replace_image = amounts.figure.axes[:2]

    line = "remove: dynamic, mean loss"
    assert points(remove)[line] == [(1, 201), (5, 205), (10, 210)]
    assert points(remove)[f"_{line}, mean + 2 std"] == [(7, 260)]
    assert set(points(replace_image)) == {"replace image: dynamic, mean loss"}
    assert remove.get_xlim()[1] < 12 and replace_image.get_xlim()[1] > 80
    (legend,) = amounts.figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels[-1] == "mean + 2 std, at the share chosen"
    assert len(labels) == 4, "no curation, two lines, and the rule"
    assert {axes.get_xlabel() for axes in amounts.figure.axes} == {"", "curated samples (%)"}


def test_schedules_are_compared_on_the_validation_split() -> None:
    runs = [
        run(0, 2.0, validation={"cider": 1.5, "bleu_4": 0.3}),
        *(
            run(
                0,
                9.0,
                method="replace_image",
                schedule=schedule,
                ratio=ratio,
                validation={"cider": 1 + ratio, "bleu_4": base + ratio},
            )
            for schedule, base in (("static", 0.1), ("dynamic", 0.2))
            for ratio in (0.2, 0.4)
        ),
    ]
    rows = score_rows(runs, runs, {})
    drawn = section_figures(Section("a", "", "", runs), rows)
    assert [figure.name for figure in drawn] == ["a_differences", "a_schedules"]
    bleu, cider = drawn[1].figure.axes
    assert bleu.get_ylabel() == "BLEU-4 (× 100), validation"
    assert cider.get_ylabel() == "CIDEr (× 100), validation"
    # Points of one ratio stand a little apart, so that their bars do.
    assert points(bleu) == {
        "replace image: dynamic, mean loss": [(19.6, 40), (39.6, 60)],
        "replace image: static": [(20.4, 30), (40.4, 50)],
    }
    # Of one schedule alone, and of another method's, there is nothing to compare.
    alone = [run for run in runs if run.variant.schedule != "static"]
    alone += [run(0, 1.0, method="remove", schedule="static", ratio=r) for r in (0.2, 0.4)]
    figures = section_figures(Section("a", "", "", alone), score_rows(alone, alone, {}))
    assert [figure.name for figure in figures] == ["a_differences", "a_amounts"]


def test_overlaps_and_training_sets_are_means_over_seeds(folder: Path) -> None:
    (row,) = [
        row
        for row in read_csv(folder / "tables" / "hard_samples.csv")
        if (row["method"], row["fraction"]) == ("none", "0.4")
    ]
    assert (row["epoch"], row["later"], row["seeds"]) == ("1", "2", "3")
    assert float(row["overlap_mean"]) == pytest.approx((0.5 + 0.6 + 0.7) / 3)

    page = Page(re.sub(r"<br>", "", (folder / "index.html").read_text()))
    assert "Remove mean loss, top 40 % 100 21 99 90" in page.texts("tr")
    of_run = read_csv(folder / "tables" / "training_sets.csv")
    assert len(of_run) == 2 * len(RUNS)
    assert {(row["images"], row["captions"]) for row in of_run if row["seed"] == "2"} == {
        ("20", "100"),
        ("22", "98"),
    }


def test_every_corpus_has_its_lengths() -> None:
    (lengths,) = corpus_figures({"demo": [run(0, 1.0), run(1, 1.0)], "coco": [run(0, 1.0)]})
    labels = lengths.figure.axes[0].get_legend_handles_labels()[1]

    assert labels == ["demo (100 captions)", "coco (100 captions)"]


def test_runs_of_earlier_versions_have_what_they_wrote(tmp_path: Path) -> None:
    old = [
        replace(run(seed, 1.0), summed_losses=(), hard_samples=(), training_sets={})
        for seed in (0, 1)
    ]
    notes = write(tmp_path / "out", old)

    assert any("not written by the version that made none-seed0, none-seed1" in n for n in notes)
    figures = {path.stem for path in (tmp_path / "out" / "figures").glob("*.svg")}
    assert "losses" in figures and "hard_samples" not in figures
    assert 'id="training-sets"' not in (tmp_path / "out" / "index.html").read_text()


def test_the_latex_table_compares_the_methods() -> None:
    latex = to_latex(score_rows(RUNS[:6], RUNS, {}), ["cider"], "demo_50%")
    lines = latex.splitlines()

    assert "profile demo\\_50\\%" in latex.lower()
    assert lines.count("\\toprule") == lines.count("\\midrule") == lines.count("\\bottomrule") == 1
    body = lines[lines.index("\\midrule") + 1 : lines.index("\\bottomrule")]
    assert body == [
        "No curation &  & 3 & -- & -- & $300.0 \\pm 248.4$ \\\\",
        "Remove & mean loss, top 40 \\% & 3 & $+20.0 \\pm 24.8$ & -- & "
        "$\\mathbf{320.0} \\pm 273.3$ \\\\",
    ]


def of_generators(generators: tuple[int, ...]) -> list[Run]:
    """No curation, and differences to it of 0.10, 0.14, 0.12 and of 0.30, 0.34, 0.32."""
    runs = [run(seed, 2.0 + seed) for seed in (0, 1, 2)]
    return runs + [
        run(
            seed,
            2.0 + seed + 0.1 + 0.2 * generator + change,
            method="replace_image",
            generator=generator,
        )
        for generator in generators
        for seed, change in ((0, 0.0), (1, 0.04), (2, 0.02))
    ]


def test_a_comparison_over_two_generators_shows_both_levels(tmp_path: Path) -> None:
    write(tmp_path / "out", of_generators((0, 1)))
    html = (tmp_path / "out" / "index.html").read_text()
    page = Page(re.sub(r"</?br>", "", html))

    assert "2 fine-tuned generators (generator_seed 0, 1)" in html
    row = next(text for text in page.texts("tr") if text.startswith("Replace image"))
    assert "3 seeds, 2 generators" in row
    # Over seeds: a standard deviation of 0.02. Over both: mean squares 0.06 of generators (1 degree
    # of freedom), 0.0008 of seeds (2), nothing left.
    assert "+22.0" in row and "± 5.0 (seeds)" in row and "(seeds, generators)" in row
    cells = read_csv(tmp_path / "out" / "tables" / "scores.csv")
    cider = next(
        row for row in cells if (row["method"], row["metric"]) == ("replace_image", "cider")
    )
    assert float(cider["minus_none_mean"]) == pytest.approx(0.22)
    assert float(cider["minus_none_ci95_half_width"]) == pytest.approx(0.0497, abs=1e-4)
    assert cider["minus_none_generators"] == "2"
    freedom = 0.0608**2 / (0.06**2 + 0.0008**2 / 2)
    expected = stats.t.ppf(0.975, freedom) * (0.0608 / 6) ** 0.5
    both = float(cider["minus_none_ci95_half_width_over_both"])
    assert both == pytest.approx(expected, rel=1e-3) and both > 1
    of_each = [
        row
        for row in read_csv(tmp_path / "out" / "tables" / "generators.csv")
        if row["metric"] == "cider"
    ]
    assert [row["generator_seed"] for row in of_each] == ["0", "1"]
    means = [float(row["minus_none_mean"]) for row in of_each]
    assert means == pytest.approx([0.12, 0.32])
    assert "Generator 1" in page.texts("th")
    latex = (tmp_path / "out" / "table.tex").read_text()
    assert "over seeds and generators" in latex and "2 fine-tuned generators" in latex


def test_one_generator_is_said_to_be_one(tmp_path: Path) -> None:
    write(tmp_path / "one", of_generators((3,)))
    html = (tmp_path / "one" / "index.html").read_text()
    assert "one fine-tuned generator (generator_seed 3)" in html
    assert "seeds, generators" not in html
    assert "holds for this one training" in " ".join(html.split())
    assert not (tmp_path / "one" / "tables" / "generators.csv").exists()
    without = [one for one in of_generators((3,)) if one.generator is None]
    write(tmp_path / "none", without)
    assert "fine-tuned generator" not in (tmp_path / "none" / "index.html").read_text()


def test_a_seed_that_not_all_generators_have_is_named(tmp_path: Path) -> None:
    runs = of_generators((0, 1))
    runs = [one for one in runs if (one.generator, one.seed) != (1, 2)]
    notes = write(tmp_path / "out", runs)
    lacking = [note for note in notes if "not in the means over generators" in note]
    assert len(lacking) == 1 and "generator_seed 0 with seed 2:" in lacking[0]


def test_the_same_runs_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "again", RUNS)
    first, second = (
        {path.relative_to(made): path.read_bytes() for path in made.rglob("*") if path.is_file()}
        for made in (folder, tmp_path / "again")
    )
    assert first == second


def test_a_study_shows_its_groups_with_the_runs_they_are_compared_to(tmp_path: Path) -> None:
    group = Section("mine", "Mine & yours", "Why?", [run for run in RUNS if run.seed == 2])
    write(tmp_path / "out", RUNS, [group])
    rows = read_csv(tmp_path / "out" / "tables" / "scores.csv")

    assert {row["section"] for row in rows} == {"mine"}
    assert {row["method"] for row in rows} == {"none", "remove"}
    assert {row["score_seeds"] for row in rows} == {"1"}
    assert "Mine &amp; yours" in (tmp_path / "out" / "index.html").read_text()


def test_runs_of_photographs_without_a_reference(tmp_path: Path) -> None:
    one = run(0, 1.0, method="remove", schedule="static", profile="coco")
    object.__setattr__(one, "audit", [])
    notes = write(tmp_path / "out", [one])

    assert any("without curation" in note for note in notes)
    assert not (tmp_path / "out" / "tables" / "noise.csv").exists()


def test_a_folder_that_holds_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="is no comparison"):
        check_folder(tmp_path)
    check_folder(tmp_path / "new")


def test_a_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match=r"thesis\.tex is a file; name a folder"):
        check_folder(tmp_path / "thesis.tex")


def test_only_the_comparison_itself_is_replaced(tmp_path: Path) -> None:
    for name in ("out", "out.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").write_text("kept by somebody")
    write(tmp_path / "out", [run(0, 1.0)])
    assert "kept" not in (tmp_path / "out" / "index.html").read_text()
    assert (tmp_path / "out.old" / "index.html").read_text() == "kept by somebody"
    assert {path.name for path in tmp_path.iterdir()} == {"out", "out.old"}


def test_what_a_language_has_no_score_of_is_said_with_the_reason(tmp_path: Path) -> None:
    runs = [replace(each, language="zh") for each in RUNS]
    notes = write(tmp_path / "out", runs)
    assert any(re.fullmatch(r"METEOR: .*: METEOR 1\.5 does not know zh", note) for note in notes)
    assert "captions are in zh; their tokens: Unicode words (UAX #29)" in notes


def test_the_papers_scores_are_of_english_captions() -> None:
    runs = [
        replace(each, profile="coco", language=language)
        for language in ("en", "zh")
        for each in RUNS[:1]
    ]
    english, chinese = (score_rows([each], [each], {})[0].paper for each in runs)
    assert english is not None and chinese is None

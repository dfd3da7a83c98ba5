"""The documentation's recipes for a new score and a new action, followed to the letter.

The very code blocks of the pages are added to a clone, whose pipeline, comparison and plan then
know both by their own titles.
"""

import json
import re
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.pipeline.clone import Clone

RECIPES = {
    "docs/how-to/new-score.md": "src/caption_curation/curation/scores.py",
    "docs/how-to/new-action.md": "src/caption_curation/curation/actions.py",
}
SCORE, SCORE_TITLE = "loss_times_length", "loss times length"
ACTION, ACTION_TITLE = "shorten_caption", "shorten caption"
LINES = 10  # of code, at most


def code_of(page: str) -> str:
    """The one Python block of a page."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return str(block)


@pytest.mark.parametrize("page", RECIPES)
def test_a_recipe_is_short_and_names_its_file(page: str) -> None:
    code = [line for line in code_of(page).splitlines() if line.strip()]
    assert code[0] == f"# at the end of {RECIPES[page]}"
    assert len(code) - 1 <= LINES


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with both, whose pipeline has run with them."""
    clone = Clone(tmp_path_factory.mktemp("clone"))
    for page, file in RECIPES.items():
        path = clone.folder / file
        path.write_text(path.read_text() + "\n\n" + code_of(page))
    clone.set(
        **{
            "curation.score": SCORE,
            "curation.method": ACTION,
            "curation.rule": "mean_std",
            "curation.std": 0.5,
        }
    )
    clone.dvc("repro")
    clone.commit("with a new score and a new action")
    return clone


def command(clone: Clone, *words: str) -> str:
    return clone.command(sys.executable, "-m", "caption_curation", *words)


def test_the_run_counts_and_shows_them(clone: Clone) -> None:
    metrics = json.loads((clone.folder / "reports/evaluation/metrics.json").read_text())
    counts = metrics["curation"]["epoch_1"]
    assert counts["chosen"] == counts["shortened_caption"] > 0
    page = (clone.folder / "reports/report.html").read_text()
    assert f"<h1>{ACTION_TITLE.capitalize()}</h1>" in page
    assert f"whose {SCORE_TITLE} is more than 0.5 standard deviations above the mean" in page
    assert "Shorter caption" in page
    edits = (clone.folder / "data/epochs/1/curated/edits.jsonl").read_text().splitlines()
    assert {json.loads(edit)["action"] for edit in edits} == {ACTION}


def test_the_comparison_and_its_audit_know_them(clone: Clone) -> None:
    clone.dvc("exp", "run", "--name", "nothing", "--set-param", "curation.method=none")
    clone.reset()
    command(clone, "compare", "--experiments", "HEAD", "nothing")
    folder = clone.folder / "reports/comparison"
    page = (folder / "index.html").read_text()
    assert ACTION_TITLE.capitalize() in page
    assert f"{SCORE_TITLE}, mean + 0.5 std" in page
    assert SCORE in (folder / "tables/noise.csv").read_text()
    assert SCORE_TITLE in (folder / "figures/noise_epoch_1.svg").read_text()
    assert ACTION_TITLE.capitalize() in (folder / "table.tex").read_text()


def test_the_plan_and_the_parameters_know_them(clone: Clone) -> None:
    clone.set(seed=1)
    plan = command(clone, "plan")
    clone.reset()
    assert re.search(r"^runs .*\n(?:  .*\n)*?  .*\btrain@1\b", plan, re.MULTILINE)
    (images,) = re.findall(r"^generate images +(\S+) images", plan, re.MULTILINE)
    assert images == "0"
    clone.command(sys.executable, "-m", "docs.parameters")
    documented = (clone.folder / "docs/reference/parameters.md").read_text()
    clone.reset()
    assert SCORE in documented and ACTION in documented


def test_a_wrong_name_is_told_all_that_there_are(clone: Clone) -> None:
    clone.set(**{"curation.score": "loss_tims_length"})
    with pytest.raises(AssertionError) as failed:
        clone.command(sys.executable, "-m", "stages.parameters")
    clone.reset()
    assert "curation.score = 'loss_tims_length'" in str(failed.value)
    losses = "'loss_mean', 'loss_sum', 'loss_sum_smoothed'"
    assert f"{losses}, 'random', 'file' or 'loss_times_length'" in str(failed.value)


def test_the_pages_are_where_they_are_said_to_be() -> None:
    assert all(Path(REPOSITORY / page).is_file() for page in RECIPES)

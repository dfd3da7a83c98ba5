"""The commands for the paper's tables and figures: what they would run, and what that costs."""

import re
import sys
from pathlib import Path

import pytest

from caption_curation.config.params import load_params
from caption_curation.experiments.study import load_studies
from caption_curation.experiments.study_plan import Planned, plan
from tests.conftest import REPOSITORY
from tests.pipeline.clone import Clone

PAPER = ("studies/flickr30k.yaml", "studies/coco.yaml")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone(tmp_path_factory.mktemp("clone"))


def own(clone: Clone, *words: str) -> str:
    return clone.command(sys.executable, "-m", "caption_curation", *words)


def planned(*files: str, groups: list[str] | None = None) -> list[Planned]:
    return plan(load_studies([REPOSITORY / file for file in files], groups), REPOSITORY)


@pytest.mark.parametrize(
    ("files", "groups"),
    [(PAPER[:1], None), (PAPER[1:], ["figure_5", "few_shot"]), (PAPER, ["table_2"])],
)
def test_a_study_of_the_paper_is_listed_and_priced_without_its_data(
    clone: Clone, files: tuple[str, ...], groups: list[str] | None
) -> None:
    chosen = ["--groups", *groups] if groups else []
    lines = own(clone, "study", *files, *chosen, "--list").splitlines()
    expected = planned(*files, groups=groups)
    assert [line.partition(":")[0] for line in lines] == [each.name for each in expected]
    assert all(": to run (profile=" in line for line in lines)
    price = own(
        clone, "plan", "--study", *files, *chosen,
        "--images-per-second", "2", "--pairs-per-second", "100",
    )  # fmt: skip
    assert f"{len(expected)} experiments, 0 of them finished; to run:" in price
    assert "145,000 training samples" in price or "566,747 training samples" in price
    for work in ("generate images", "train the captioner"):
        assert re.search(rf"^{work} +[1-9].* (images|pairs) +\d+\.0 +[1-9]", price, re.MULTILINE)
    assert not (clone.folder / "reports/flickr30k_study").exists()


def test_dvc_sets_what_is_planned(tmp_path: Path) -> None:
    """DVC's own code, on files of its own: what stages then read is what was validated."""
    from dvc.utils.cli_parse import to_path_overrides
    from dvc.utils.hydra import apply_overrides, get_hydra_sweeps

    for each in [*planned(*PAPER, groups=["figure_7", "few_shot"]), *planned(PAPER[0])[:4]]:
        (tmp_path / "profiles").mkdir(exist_ok=True)
        for file in ("params.yaml", *(f"profiles/{name}.yaml" for name in ("flickr30k", "coco"))):
            (tmp_path / file).write_bytes((REPOSITORY / file).read_bytes())
        (sweep,) = get_hydra_sweeps(to_path_overrides(each.settings))
        for file, overrides in sweep.items():
            apply_overrides(tmp_path / file, overrides)
        assert load_params(tmp_path) == each.params

"""Every `dvc exp run` that the documentation gives is a valid experiment."""

import re
import shlex
import shutil
from itertools import product
from pathlib import Path

import pytest
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides, get_hydra_sweeps

from caption_curation.config.experiment import Experiment
from caption_curation.config.params import Params, load_params
from tests.conftest import REPOSITORY

DOCUMENTS = ("README.md", "docs/paper.md")
CURATION_RUNS = 16 + 16  # rows of Table 2, and points of the figures that are not among them
ARRAY = re.compile(r"^(\w+)=\((.*?)\)$", re.MULTILINE | re.DOTALL)
NAMES = {"-n", "--name"}


def commands(document: str) -> list[list[str]]:
    """The words of each `dvc exp run` in the code blocks of a document, as a shell reads them."""
    text = (REPOSITORY / document).read_text(encoding="utf-8")
    arrays: dict[str, list[str]] = {}
    found = []
    for block in re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        for name, content in ARRAY.findall(block):
            arrays[name] = expanded(content, arrays)
        for line in re.sub(r"\\\n", " ", block).splitlines():
            if line.strip().startswith("dvc exp run"):
                found.append(expanded(line, arrays)[3:])
    return found


def expanded(text: str, arrays: dict[str, list[str]]) -> list[str]:
    words: list[str] = []
    for word in shlex.split(text, comments=True):
        array = re.fullmatch(r"\$\{(\w+)\[@\]\}", word)
        words += arrays[array[1]] if array else [word]
    return words


def settings(words: list[str]) -> list[str]:
    """What is set; every other option must be one that takes no part in the experiment."""
    found, position = [], 0
    while position < len(words):
        if words[position] in {"-S", "--set-param"}:
            found.append(words[position + 1])
        elif words[position] not in NAMES:
            assert words[position] == "--queue", words[position]
            position -= 1
        position += 2
    return found


def experiments(words: list[str], folder: Path) -> list[Params]:
    """The validated parameters of each experiment that a command runs, as DVC sets them."""
    overrides = to_path_overrides(settings(words))
    sweeps = get_hydra_sweeps(overrides)
    found = []
    for sweep in sweeps:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        shutil.copy(REPOSITORY / "params.yaml", folder)
        shutil.copytree(REPOSITORY / "profiles", folder / "profiles")
        for path, values in sweep.items():
            apply_overrides(folder / path, values)
        found.append(load_params(folder))
    return found


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Params]]:
    """The experiments of each document."""
    folder = tmp_path_factory.mktemp("documented") / "root"
    return {
        document: [one for words in commands(document) for one in experiments(words, folder)]
        for document in DOCUMENTS
    }


def test_every_command_is_found_and_valid(documented: dict[str, list[Params]]) -> None:
    # README has a sweep of four methods and two seeds; the other one of four ratios.
    assert len(documented["README.md"]) >= len(commands("README.md")) + 7
    assert len(documented["docs/paper.md"]) == CURATION_RUNS + 4 + 4


def papers(documented: dict[str, list[Params]]) -> list[Experiment]:
    return [one.experiment for one in documented["docs/paper.md"]]


def test_the_papers_commands_are_of_its_settings(documented: dict[str, list[Params]]) -> None:
    for one in papers(documented):
        assert one.training.epochs == one.training.schedule_epochs == 5
        assert one.curation.score == "loss_sum"
        assert one.prompt.styler.startswith("national geographic, high quality")
        assert (one.synthesis.steps, one.synthesis.guidance) == (50, 7.5)
        assert one.profile in ("flickr30k", "coco")


def test_both_tables_and_figures_are_complete(documented: dict[str, list[Params]]) -> None:
    given = {
        (
            one.profile,
            one.curation.method,
            one.curation.schedule,
            one.curation.rule if one.curation.method != "none" else "",
            one.curation.ratio if one.curation.rule == "top_fraction" else None,
        )
        for one in papers(documented)
    }
    for profile in ("flickr30k", "coco"):
        assert (profile, "none", "dynamic", "", 0.4) in given
        for method in ("remove", "replace_caption", "replace_image"):
            assert (profile, method, "dynamic", "mean_std", None) in given
            assert (profile, method, "dynamic", "top_fraction", 0.4) in given
    figures = product(("flickr30k", "coco"), ("dynamic", "static"), (0.2, 0.4, 0.5, 0.6, 0.8))
    for profile, schedule, ratio in figures:
        assert (profile, "replace_image", schedule, "top_fraction", ratio) in given


def test_no_two_commands_are_the_same_experiment(documented: dict[str, list[Params]]) -> None:
    curated = [repr(one) for one in documented["docs/paper.md"][:CURATION_RUNS]]
    assert len(set(curated)) == CURATION_RUNS
    names = [
        words[words.index("--name") + 1] for words in commands("docs/paper.md")[:CURATION_RUNS]
    ]
    assert len(set(names)) == CURATION_RUNS


def test_the_few_shot_commands_keep_a_part(documented: dict[str, list[Params]]) -> None:
    fractions = [one.profile.data.train_fraction for one in documented["docs/paper.md"][-4:]]
    assert fractions == [0.01, 0.1, 0.01, 0.1]

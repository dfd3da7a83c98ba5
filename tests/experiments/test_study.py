"""Study files: what they plan, and every fault at once."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from caption_curation.experiments.study import Planned, load_study, plan
from caption_curation.support.errors import InputError
from tests.conftest import REPOSITORY


def planned(folder: Path, **changes: Any) -> list[Planned]:
    content = {
        "title": "Small",
        "parameters": {"training.epochs": 2},
        "groups": [
            {
                "name": "methods",
                "title": "Methods",
                "question": "",
                "grids": [
                    {"seed": [0, 1], "curation.method": ["remove", "none"]},
                ],
            },
            {
                "name": "ratios",
                "title": "Ratios",
                "question": "",
                "grids": [
                    {"seed": 0, "curation.method": "remove", "curation.ratio": [0.2, 0.4]},
                    {"seed": 0, "curation.method": "none", "curation.ratio": [0.2, 0.4]},
                ],
            },
        ],
        **changes,
    }
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(content))
    parameters = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    return plan(load_study(path), path, parameters)


def test_an_experiment_of_two_groups_is_planned_once(tmp_path: Path) -> None:
    found = planned(tmp_path)

    assert {run.name: list(run.groups) for run in found} == {
        "small-none-seed0": ["methods", "ratios"],
        "small-none-seed1": ["methods"],
        "small-remove-loss_mean-top0.4-seed0": ["methods", "ratios"],
        "small-remove-loss_mean-top0.4-seed1": ["methods"],
        "small-remove-loss_mean-top0.2-seed0": ["ratios"],
    }
    # What all share runs first.
    assert [run.variant.method for run in found[:2]] == ["none", "none"]


def test_an_experiment_sets_all_of_curation(tmp_path: Path) -> None:
    ratio = next(run for run in planned(tmp_path) if "top0.2" in run.name)

    assert set(ratio.settings) == {
        "training.epochs=2", "seed=0", "curation.method=remove", "curation.schedule=dynamic",
        "curation.score=loss_mean", "curation.rule=top_fraction", "curation.ratio=0.2",
        "curation.std=2.0", "curation.pair_with=keep",
    }  # fmt: skip
    assert ratio.experiment.training.epochs == 2


def test_all_faults_are_listed(tmp_path: Path) -> None:
    grids = [
        {"seed": [-1], "curation.method": "remove"},
        {"curation.ratio": [0.4, 7]},
        {"training.epochs": [1, 2]},
        {"curation.methods": "none"},
    ]
    group = {"name": "bad", "title": "Bad", "question": "", "grids": grids}
    with pytest.raises(InputError) as raised:
        planned(tmp_path, groups=[group, group])
    message = str(raised.value)

    assert "two are called bad" in message
    assert "grids.0: seed = -1" in message
    assert "grids.1: curation.ratio = 7" in message
    assert "grids.2.training.epochs: allowed are seed and curation.*" in message
    assert "grids.3.curation.methods" in message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"groups": []}, "groups"),
        ({"group": []}, "group: unknown key"),
        ({"parameters": {"training.prompt": "a; rm -rf"}}, "training.prompt"),
        ({"parameters": {"training.epoch": 2}}, "training.epoch: params.yaml has no such key"),
    ],
)
def test_a_bad_file(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said.replace(".", r"\.")):
        planned(tmp_path, **change)


def test_the_demo_study_has_enough_seeds() -> None:
    path = REPOSITORY / "studies" / "demo.yaml"
    parameters = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    found = plan(load_study(path), path, parameters)
    seeds: dict[tuple[str, Any], set[int]] = {}
    for run in found:
        for group in run.groups:
            seeds.setdefault((group, run.variant), set()).add(run.experiment.seed)

    assert all(len(of) == (5 if group == "methods" else 3) for (group, _), of in seeds.items())
    methods = {variant.slug for group, variant in seeds if group == "methods"}
    assert len(methods) == 7
    assert len({run.name for run in found}) == len(found)

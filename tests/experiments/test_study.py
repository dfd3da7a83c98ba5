"""Study files: what they plan, and every fault at once."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from caption_curation.experiments.study import groups_of, load_studies
from caption_curation.experiments.study_plan import Planned, plan
from caption_curation.support.errors import InputError
from tests.conftest import REPOSITORY

FRACTION = "profiles/demo.yaml:data.train_fraction"
STYLER = "national geographic, high quality photography, Canon EOS R3, Flickr"


def group(name: str, *grids: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "title": name.capitalize(), "question": "", "grids": list(grids)}


METHODS = group("methods", {"seed": [0, 1], "curation.method": ["remove", "none"]})
RATIOS = group(
    "ratios",
    {"seed": 0, "curation.method": "remove", "curation.ratio": [0.2, 0.4]},
    {"seed": 0, "curation.method": "none", "curation.ratio": [0.2, 0.4]},
)


def file(folder: Path, name: str = "small", **changes: Any) -> Path:
    parameters = {"training.epochs": 2, "curation.score": "loss_mean"}
    content = {"title": "Small", "parameters": parameters, "groups": [METHODS, RATIOS], **changes}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def planned(folder: Path, **changes: Any) -> list[Planned]:
    return plan(load_studies([file(folder, **changes)]), REPOSITORY)


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

    assert {
        "training.epochs=2", "seed=0", "curation.method=remove", "curation.schedule=dynamic",
        "curation.score=loss_mean", "curation.rule=top_fraction", "curation.ratio=0.2",
        "curation.std=2.0", "curation.pair_with=keep",
    } <= set(ratio.settings)  # fmt: skip
    names = {setting.partition("=")[0] for setting in ratio.settings}
    of_curation = {f"curation.{name}" for name in type(ratio.experiment.curation).model_fields}
    assert names == {"training.epochs", "seed", *of_curation}
    assert ratio.experiment.training.epochs == 2


def test_a_grid_varies_settings_too(tmp_path: Path) -> None:
    grid = {
        "seed": 0,
        "curation.method": "none",
        FRACTION: [0.1, 1.0],
        "prompt.styler": ["", STYLER],
    }
    parameters = {FRACTION: 1.0, "prompt.styler": ""}
    found = {run.name: run for run in planned(tmp_path, parameters=parameters, groups=[
        group("few", grid), group("again", {"seed": 0, "curation.method": "none"})
    ])}  # fmt: skip

    assert len(found) == 4
    plain = found["small-none-seed0"]
    assert plain.groups == ["few", "again"]
    few = found["small-data.train_fraction_0.1-none-seed0"]
    assert few.params.profile.data.train_fraction == 0.1
    assert f"{FRACTION}=0.1" in few.settings and f"{FRACTION}=1.0" in plain.settings
    styled = [run for run in found.values() if run.experiment.prompt.styler == STYLER]
    assert all(f"prompt.styler='{STYLER}'" in run.settings for run in styled)
    assert len(styled) == 2 and len({run.key for run in found.values()}) == 4


def test_generators_are_an_axis_of_what_shows_their_images(tmp_path: Path) -> None:
    grid = {
        "seed": [0, 1],
        "generator_seed": [2, 3],
        "curation.method": ["none", "remove", "replace_image"],
    }
    found = planned(tmp_path, groups=[group("generators", grid)])

    assert [run.name for run in found] == [
        "small-none-seed0",
        "small-none-seed1",
        *(
            name
            for seed in (0, 1)
            for name in (
                f"small-remove-loss_mean-top0.4-seed{seed}",
                f"small-generator_seed_2-replace_image-loss_mean-top0.4-seed{seed}",
                f"small-generator_seed_3-replace_image-loss_mean-top0.4-seed{seed}",
            )
        ),
    ]
    drawn = [run for run in found if run.variant.method == "replace_image"]
    for run in drawn:
        assert f"generator_seed={run.experiment.generator_seed}" in run.settings
    # What has finished with another generator has finished for all.
    (again,) = planned(
        tmp_path,
        groups=[group("a", {"seed": 0, "generator_seed": 9, "curation.method": "none"})],
    )
    assert again.key == found[0].key
    assert len({run.key for run in found}) == len(found)


def test_files_of_one_study_share_groups(tmp_path: Path) -> None:
    other = group("methods", {"seed": 0, "curation.method": ["none", "replace_caption"]})
    files = [file(tmp_path), file(tmp_path, "other", groups=[{**other, "title": "Not shown"}])]
    studies = load_studies(files, ["methods"])
    found = plan(studies, REPOSITORY)

    # Without curation, both are the same experiment: it has the name that the first file gives it.
    assert [run.name for run in found] == [
        "small-none-seed0",
        "small-none-seed1",
        "small-remove-loss_mean-top0.4-seed0",
        "small-remove-loss_mean-top0.4-seed1",
        "other-replace_caption-loss_mean-top0.4-seed0",
    ]
    assert [of.title for of in groups_of(studies.values()).values()] == ["Methods"]
    with pytest.raises(InputError, match="no study has nothing; there are: methods, ratios"):
        load_studies(files, ["methods", "nothing"])


def test_all_faults_are_listed(tmp_path: Path) -> None:
    grids: list[dict[str, Any]] = [
        {"seed": [-1], "curation.method": "remove"},
        {"curation.ratio": [0.4, 7]},
        {"curation.methods": "none"},
        {FRACTION: 2.0, "prompt.styler": "on"},
        {"profiles/coco.yaml:data.train_fraction": 0.1},
        {"profile": "nowhere"},
        {"prompt.styler": ["${seed}"]},
        {"profiles/demo.yaml:generator.fine_tuning.learning_rate": 1e-5},
    ]
    with pytest.raises(InputError) as raised:
        planned(tmp_path, groups=[group("bad", *grids)])
    message = str(raised.value)

    assert "grids.0: seed = -1" in message
    assert "grids.1: curation.ratio = 7" in message
    assert "grids.2: curation.methods: params.yaml has no such key" in message
    assert "grids.3: profiles/demo.yaml: data.train_fraction = 2.0" in message
    assert "grids.3: prompt.styler = 'on': `dvc exp run` would write it so that" in message
    assert "grids.4: profiles/coco.yaml:data.train_fraction: the experiment's profile" in message
    assert "grids.5: profile = 'nowhere': there is no such profile; allowed: coco, demo" in message
    assert "grids.6: prompt.styler = '${seed}'" in message
    assert "is read as '1e-05'" in message
    assert not list(REPOSITORY.glob("profiles/nowhere*"))


def test_groups_have_names_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="groups: two are called methods"):
        planned(tmp_path, groups=[METHODS, METHODS])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"groups": []}, "groups"),
        ({"group": []}, "group: unknown key"),
        ({"parameters": {"training.prompt": "no blank"}}, "training.prompt"),
        ({"parameters": {"training.epoch": 2}}, "training.epoch: params.yaml has no such key"),
        ({"parameters": {"training": 2}}, "training = 2: Input should be"),
        ({"parameters": {"../x.yaml:seed": 2}}, "parameters.../x.yaml:seed"),
    ],
)
def test_a_bad_file(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said.replace(".", r"\.")):
        planned(tmp_path, **change)


def test_the_demo_study_has_enough_seeds() -> None:
    path = REPOSITORY / "studies" / "demo.yaml"
    found = plan(load_studies([path]), REPOSITORY)
    seeds: dict[tuple[str, Any], set[int]] = {}
    for run in found:
        for group in run.groups:
            seeds.setdefault((group, run.variant), set()).add(run.experiment.seed)

    assert all(len(of) == (5 if group == "methods" else 3) for (group, _), of in seeds.items())
    methods = {variant.slug for group, variant in seeds if group == "methods"}
    assert len(methods) == 7
    assert len({run.name for run in found}) == len(found)


def test_the_study_in_the_documentation_is_valid(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs/how-to/studies.md").read_text(encoding="utf-8")
    example, grids = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    path = tmp_path / "example.yaml"
    path.write_text(example)
    found = plan(load_studies([path]), REPOSITORY)
    # None; both stylers; and the few-shot ones but those that the first group has.
    assert len(found) == 3 * (1 + 2 + 2)

    study = yaml.safe_load(example)
    study["groups"] = [study["groups"][0] | yaml.safe_load(grids)]
    path.write_text(yaml.safe_dump(study))
    assert len(plan(load_studies([path]), REPOSITORY)) == 3 + 3 * 3  # seeds; and generators

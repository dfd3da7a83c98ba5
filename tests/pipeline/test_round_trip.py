"""The round trip under DVC: what becomes stale when one of its inputs changes.

Nothing is run but one cheap stage. The outputs are stand-ins, which DVC is told to take for the
stages' own (``dvc commit``).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from caption_curation.round_trip.variants import PROMPTS, Grid
from tests.pipeline.clone import Clone, change

GENERATORS = ("base_generator", "generator")  # as in the demo
VARIANTS = Grid(GENERATORS, tuple(PROMPTS)).variants
PIPELINE = "stages/round_trip/dvc.yaml"
CAPTIONER = "data/my_captioner"
IMAGES = {f"images@{variant.name}" for variant in VARIANTS}
CAPTIONS = {f"captions@{variant.name}" for variant in VARIANTS} | {"captions_of_real_images"}
STYLED = {f"images@{variant.name}" for variant in VARIANTS if PROMPTS[variant.prompt].styled}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which the round trip looks as if it had run."""
    clone = Clone(tmp_path_factory.mktemp("round_trip"))
    change(clone.folder / "stages/round_trip/params.yaml", {"captioner": CAPTIONER})
    lists = ["corpus/val.jsonl", "corpus/val_images.jsonl"]
    inputs = ["corpus/images/v.jpg", *lists, "ground_truth/scenes.jsonl"]
    inputs += ["families/captioner.json"]
    inputs += [f"round_trip/recipes/{generator}.json" for generator in GENERATORS]
    models = ["my_captioner/weights"]
    stages = yaml.safe_load((clone.folder / PIPELINE).read_text())["stages"]
    outputs = [
        out.replace("${item.generator}-${item.prompt}", name)
        for stage in stages.values()
        for out in stage["outs"]
        for name in ([variant.name for variant in VARIANTS] if "matrix" in stage else [""])
    ]
    for name in [*(f"data/{part}" for part in [*inputs, *models]), *outputs]:
        file = clone.folder / name
        if not file.suffix and name in outputs:  # a folder
            file = file / "content"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"content of {name}")
    for prompt in PROMPTS:
        (clone.folder / f"data/round_trip/prompts/{prompt}.jsonl").write_text(prompt)
    clone.dvc("commit", "--force", PIPELINE)
    return clone


@contextmanager
def changed(clone: Clone, file: str, text: str) -> Iterator[None]:
    """The clone with other content of a file, put back afterwards."""
    path = clone.folder / file
    before = path.read_bytes()
    path.unlink()  # linked from DVC's cache, perhaps
    path.write_text(text)
    try:
        yield
    finally:
        path.unlink()
        path.write_bytes(before)


def stale(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The stages whose own inputs have changed."""
    monkeypatch.chdir(clone.folder)
    return {name.rpartition(":")[2] for name in Repo().status(targets=[PIPELINE])}


def test_the_matrix_has_all_variants_and_begins_unchanged(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone.folder)
    names = {stage.addressing.rpartition(":")[2] for stage in Repo().index.stages}
    assert names >= IMAGES | CAPTIONS
    assert len(IMAGES) == 8
    assert stale(clone, monkeypatch) == set()


def test_other_models_are_obtained_if_they_are_asked_for_and_nothing_is_drawn_anew(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = clone.command("dvc", "repro", "--dry", "--force", PIPELINE)
    assert set(re.findall("round_trip_models/dvc.yaml:(.*)'", names)) == {
        f"recipe@{generator}" for generator in GENERATORS
    }
    settings = clone.folder / "stages/round_trip/params.yaml"
    with changed(clone, str(settings.relative_to(clone.folder)), settings.read_text()):
        others = yaml.safe_load(settings.read_text())["other_generators"]
        change(
            settings,
            {
                "generators": [*GENERATORS, "sd_2_0"],
                "other_generators": {**others, "sdxl": others["sd_2_0"]},  # nobody asks for it
                "prompts": ["concat", "concat_styler"],
                "captioner": "data/round_trip/captioner",
            },
        )
        names = clone.command("dvc", "repro", "--dry", "--force", PIPELINE)
        for name in ("captioner", "generator@sd_2_0", "recipe@generator", "other_recipe@sd_2_0"):
            assert f"stages/round_trip_models/dvc.yaml:{name}'" in names
        assert "sdxl" not in names
        assert "train@" not in names  # no captioner of the experiment is needed
        asked = {f"{item}-{kind}" for item in GENERATORS for kind in ("concat", "concat_styler")}
        others = {f"sd_2_0-{kind}" for kind in ("concat", "concat_styler")}
        found = stale(clone, monkeypatch)
        assert {name for name in found if name.startswith("images@")} == {
            f"images@{name}" for name in others
        }
        assert found >= {f"captions@{name}" for name in asked | others} | {"evaluate", "report"}
        assert "prompts" not in found


def test_the_main_line_does_not_run_the_round_trip(clone: Clone) -> None:
    assert "round_trip" not in clone.command("dvc", "repro", "--dry", "--force")


def test_another_captioner_draws_no_image(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    with changed(clone, f"{CAPTIONER}/weights", "another"):
        assert stale(clone, monkeypatch) == CAPTIONS


def test_a_pipeline_without_other_generators(clone: Clone) -> None:
    settings = clone.folder / "stages/round_trip/params.yaml"
    with changed(clone, str(settings.relative_to(clone.folder)), settings.read_text()):
        change(settings, {"other_generators": {}})
        names = clone.command("dvc", "stage", "list", "stages/round_trip_models/dvc.yaml")
        assert "recipe@generator" in names
        assert "other_recipe" not in names


def test_another_recipe_of_a_generator_draws_its_own_images_only(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    with changed(clone, "data/round_trip/recipes/generator.json", "another"):
        assert stale(clone, monkeypatch) == {f"images@generator-{prompt}" for prompt in PROMPTS}


def test_another_styler_makes_new_prompts_and_they_new_images(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = clone.folder / "stages/round_trip/params.yaml"
    with changed(clone, str(settings.relative_to(clone.folder)), settings.read_text()):
        change(settings, {"styler": "an icon"})
        assert stale(clone, monkeypatch) == {"parameters", "prompts", "report"}
    prompts = clone.folder / "data/round_trip/prompts"
    with (
        changed(clone, str(Path(prompts, "concat_styler.jsonl")), "a cat an icon"),
        changed(clone, str(Path(prompts, "sbert_styler.jsonl")), "a cat an icon"),
    ):
        assert stale(clone, monkeypatch) == STYLED | {"prompts", "report"}


def test_one_variants_images_are_captioned_alone(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = "generator-concat"
    with changed(clone, f"data/round_trip/images/{variant}/content", "another"):
        assert stale(clone, monkeypatch) == {
            f"images@{variant}",
            f"captions@{variant}",
            "evaluate",
            "report",
        }


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [("evaluation.beams", 1, CAPTIONS), ("evaluation.spice", "off", set())],
)
def test_captions_depend_on_what_beam_search_reads(
    clone: Clone, monkeypatch: pytest.MonkeyPatch, key: str, value: object, expected: set[str]
) -> None:
    file = clone.folder / "params.yaml"
    with changed(clone, file.name, file.read_text()):
        change(file, {key: value})
        assert stale(clone, monkeypatch) == expected

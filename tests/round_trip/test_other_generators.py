"""Any list of generators in a round trip: tiny models of several families as entries."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.reports.page.labels import METHOD_COLOURS
from caption_curation.reports.round_trip.figures import score_dots, tracking_of_variants
from caption_curation.reports.round_trip.looks import looks_of
from caption_curation.reports.round_trip.page import RoundTrip, build_page, critical_rho
from caption_curation.reports.round_trip.tables import FACTS, Results
from caption_curation.reports.round_trip.truth import track
from caption_curation.round_trip.items import Item
from caption_curation.round_trip.parameters import load_round_trip
from caption_curation.round_trip.variants import PROMPTS, REAL, Grid
from caption_curation.samples import CaptionedImage, read_json_lines, write_json_lines
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.image_store import ImageRequest, image_key, image_seed
from caption_curation.text_to_image.image_store.image_files import description_of
from caption_curation.text_to_image.synthesis.images import remembered_digest
from caption_curation.text_to_image.synthesis.requests import recipe_of
from stages import round_trip
from stages.round_trip import images, other_generator, parameters, recipe
from stages.round_trip.report import drawn_with
from tests.conftest import REPOSITORY
from tests.pipeline.clone import TINY_PROFILE, change
from tests.text_to_image.tiny_generators import write_generator

SETTINGS = Path("stages/round_trip/params.yaml")
OWN = {"sampler": "native", "steps": 3, "guidance": 2.0, "negative_prompt": ""}
FAMILIES = {"xl": "stable_diffusion_xl", "flow": "stable_diffusion_3", "plain": "stable_diffusion"}
ITEMS = [Item("7", "7", "a red ring"), Item("8", "8", "a blue bar")]


def entry(folder: str, synthesis: dict[str, Any] | None) -> dict[str, Any]:
    return {"model": {"source": "local"}, "folder": folder, "synthesis": synthesis}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which the fine-tuned generator and three others drew; the current one."""
    root = tmp_path_factory.mktemp("others")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        shutil.copy(REPOSITORY / "params.yaml", root)
        Path("profiles").mkdir()
        Path("profiles/tiny.yaml").write_text(yaml.safe_dump(TINY_PROFILE))
        change(root / "params.yaml", {"profile": "tiny", "synthesis.steps": 2})
        SETTINGS.parent.mkdir(parents=True)
        shutil.copy(REPOSITORY / SETTINGS, SETTINGS)
        Path("src").symlink_to(REPOSITORY / "src")
        subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], check=True)
        shutil.copytree(REPOSITORY / "data/demo_models/generator", paths.GENERATOR)
        for name, family in FAMILIES.items():
            write_generator(family, Path("models") / name)
        larger = Path("models/plain/unet/config.json")
        config = json.loads(larger.read_text())
        larger.write_text(json.dumps(config | {"sample_size": 2 * config["sample_size"]}))
        change(
            SETTINGS,
            {
                "generators": ["flow", "generator", "xl", "plain"],
                "prompts": ["concat"],
                "other_generators": {
                    "xl": entry("models/xl", None),
                    "flow": entry("models/flow", OWN),
                    "plain": entry("models/plain", None),
                    "idle": entry("models/none", None),  # nobody asks for it
                },
            },
        )
        write_json_lines(round_trip.PROMPTS / "concat.jsonl", ITEMS)
        parameters.main()
        for name in FAMILIES:
            other_generator.main(name)
        draw()
        yield root


def draw() -> None:
    for name in load_round_trip().generators:
        recipe.main(name)
        images.main(name, "concat")


@pytest.fixture
def changed(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder to spoil."""
    shutil.copytree(drawn, tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def files_of(name: str) -> list[Path]:
    return list(round_trip.image_files(f"{name}-concat").values())


def test_each_draws_with_its_own_settings_at_its_own_size(drawn: Path) -> None:
    for name, sampler, steps in (
        ("generator", "dpm_solver", 2),
        ("xl", "dpm_solver", 2),
        ("flow", "native", 3),
        ("plain", "dpm_solver", 2),
    ):
        for file in files_of(name):
            described = description_of(file)["recipe"]
            assert (described["sampler"], described["steps"]) == (sampler, steps)
            with Image.open(file) as image:
                assert image.size == ((64, 64) if name == "plain" else (32, 32))
    assert not round_trip.generator_folder("idle").exists()
    lines = [
        read_json_lines(round_trip.images_folder(f"{name}-concat") / "index.jsonl")
        for name in load_round_trip().generators
    ]
    for of_item in zip(*lines, strict=True):
        assert len({line["seed"] for line in of_item}) == 1
        assert len({line["key"] for line in of_item}) == 4


def test_the_experiments_generator_draws_under_the_keys_of_the_training_set(drawn: Path) -> None:
    params = load_params()
    digest = remembered_digest(paths.GENERATOR, Path(".dvc/cache"))
    settings = params.experiment.synthesis
    made = recipe_of(settings, params.profile.generator, digest, "native")
    keys = [
        image_key(made, ImageRequest(item.prompt, image_seed(item.image_id, 0))) for item in ITEMS
    ]
    assert [file.stem for file in files_of("generator")] == keys


def test_only_a_generator_whose_settings_change_draws_anew(
    changed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {name: round_trip.recipe_file(name).read_bytes() for name in (*FAMILIES, "generator")}
    change(SETTINGS, {"other_generators.flow.synthesis": {**OWN, "steps": 1}})
    draw()
    said = capsys.readouterr().out
    assert said.count("2 images: 2 generated, 0 reused") == 1
    assert said.count("2 images: 0 generated, 2 reused") == 3
    after = {name: round_trip.recipe_file(name).read_bytes() for name in before}
    assert {name for name in before if before[name] != after[name]} == {"flow"}

    change(Path("params.yaml"), {"synthesis.steps": 1})  # of those that have none of their own
    for name in before:
        recipe.main(name)
    again = {name: round_trip.recipe_file(name).read_bytes() for name in before}
    assert {name for name in before if again[name] != after[name]} == {"generator", "xl", "plain"}


def test_all_that_generators_do_not_have_is_refused_before_any_is_obtained(changed: Path) -> None:
    write_generator("flux", Path("models/flux"))
    asked = {"sampler": "ddim", "steps": 2, "guidance": 2.0, "negative_prompt": "blur"}
    hub = {"source": "hub", "id": "a/b", "revision": "unverified"}
    others = yaml.safe_load(SETTINGS.read_text())["other_generators"]
    others |= {
        "flow": entry("models/flow", None),
        "flux": entry("models/flux", asked),
        "later": {**entry("defaults/generator", None), "model": hub},
    }
    generators = ["generator", "flow", "flux", "idle", "later"]
    change(SETTINGS, {"generators": generators, "other_generators": others})
    with pytest.raises(InputError) as caught:
        parameters.main()
    for fault in (
        "generators that cannot be asked (4):",
        "flow draws as `synthesis` of params.yaml says: models/flow",
        "synthesis.sampler = 'dpm_solver'; allowed: native",
        f"flux draws as `synthesis` of other_generators.flux in {SETTINGS} says: models/flux",
        "synthesis.sampler = 'ddim'; allowed: native",
        "synthesis.negative_prompt = 'blur': it reads none",
        "other_generators.idle.folder = 'models/none': there is no such folder",
        "other_generators.later.model: model a/b: revision = unverified",
    ):
        assert fault in str(caught.value)
    with pytest.raises(InputError, match="sampler = 'dpm_solver'"):
        recipe.main("flow")  # of the hub's, known only now


def test_the_page_shows_any_number_of_generators(drawn: Path) -> None:
    """Of scores that are made up, by six generators."""
    names = ["base_generator", "generator", "xl", "flow", "plain", "a_sixth"]
    grid = Grid(names, list(PROMPTS))
    variants = [variant.name for variant in grid.variants]
    rng = np.random.default_rng(0)
    files = {name: {"7": files_of("xl")[0]} for name in [REAL, *variants]}
    records = [
        {
            "variant": name,
            "item_id": "7",
            "image_id": "7",
            "caption": "a ring",
            "cider": float(rng.uniform()),
            "facts": dict.fromkeys(FACTS, name == REAL),
        }
        for name in files
    ]
    metrics = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l", "cider")
    results = Results(grid, {name: dict.fromkeys(metrics, 0.5) for name in files}, records)
    looks = looks_of(["xl", "flow", "plain", "a_sixth"])
    assert len({(look.colour, look.hollow) for look in looks.values()}) == len(names)
    assert looks["generator"].colour == METHOD_COLOURS["replace_image"]
    assert looks_of(["xl", "other", "plain"])["plain"] == looks["plain"]

    tracking = track(results, rng)
    assert tracking
    for figure in (
        score_dots(results, looks),
        tracking_of_variants(results, looks, tracking.across_variants),
    ):
        [legend] = figure.legends
        said = [text.get_text() for text in legend.get_texts()]
        assert said[:6] == ["base", "fine-tuned", "xl", "flow", "plain", "a_sixth"]
    dots = [line for line in score_dots(results, looks).axes[0].lines if line.get_marker() == "o"]
    heights = {float(y) for line in dots for y in np.ravel(line.get_ydata())}
    assert len(heights) == len(variants)  # no dot hides another

    settings, params = load_round_trip(), load_params()
    drawing = {
        name: drawn_with(name, Grid([name], ["concat"]), params, settings)
        for name in ("generator", "xl", "flow", "plain")
    }
    trip = RoundTrip(
        profile="tiny", language="en", captioner="some", drawing=drawing, looks=looks,
        single="every", styler="a drawing", results=results, tracking=tracking, paper={},
        items={kind: {"7": ITEMS[0]} for kind in PROMPTS},
        examples=[CaptionedImage("7", "7.jpg", ("a red ring",))], files=files, remarks={},
    )  # fmt: skip
    svg = "<svg></svg>"
    page = re.sub(r"\s+", " ", build_page(trip, {"scores": svg, "variants": svg, "images": svg}))
    assert "with n = 24, the absolute value of ρ must reach 0.40" in page
    assert "six generators made images, with four kinds of prompts" in page
    assert page.count("<img ") == 6 * 4 + 1
    assert "a_sixth, prompted with" in page
    assert "the base, fine-tuned for 2 steps" in page
    assert "models/flow</td><td>32 px</td><td>native</td><td>3</td><td>2.0</td>" in page
    assert "models/xl</td><td>32 px</td><td>dpm_solver</td><td>2</td>" in page


def test_a_correlation_of_many_variants_is_told_from_zero() -> None:
    """By counting: of orders that have nothing to do with one another, one in twenty passes."""
    rng = np.random.default_rng(0)
    order = np.arange(24.0)
    rhos = [abs(np.corrcoef(order, rng.permutation(24))[0, 1]) for _ in range(4000)]
    bound = critical_rho(24)
    assert bound is not None
    assert np.mean(np.array(rhos) >= bound) == pytest.approx(0.05, abs=0.012)
    assert critical_rho(4) is None


def test_the_documented_entries_are_valid(changed: Path) -> None:
    text = (REPOSITORY / "docs/how-to/round-trip.md").read_text()
    [block] = re.findall(r"```yaml\n(.*?)```", text, re.S)
    shutil.copy(REPOSITORY / SETTINGS, SETTINGS)
    change(SETTINGS, yaml.safe_load(block))
    assert set(load_round_trip().asked_others) == {"sdxl", "flux"}

"""What the benchmark of arithmetic runs, and what it says of runs whose numbers are known."""

import shutil
from pathlib import Path
from statistics import stdev

import numpy as np
import pytest
from safetensors.numpy import load_file

from benchmarks.arithmetic import components, lines, needed, spread_over
from benchmarks.arithmetic.runs import Case, Row, cases, perturbed, read_rows, write_rows
from caption_curation.reports.page.generators import Components
from tests.conftest import REPOSITORY

METHODS = ("remove", "replace_image")


def test_everything_is_run_once_and_generators_vary_where_they_are_used() -> None:
    found = cases(METHODS, seeds=3, generators=2, perturbations=2)
    assert len(found) == len(set(found))
    assert len([case for case in found if case.method == "none"]) == 3 + 2
    assert len([case for case in found if case.method == "remove"]) == 3 + 2
    assert len([case for case in found if case.method == "replace_image"]) == 3 * 2 + 2 + 2
    assert len(cases(("remove", "replace_caption", "replace_image"), 5, 5, 5)) == 65


def test_a_perturbed_model_differs_in_its_last_digits_alone(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "data" / "demo_models", tmp_path / "data" / "demo_models")
    for factor, name in (
        ("captioner", "model.safetensors"),
        ("generator", "unet/diffusion_pytorch_model.safetensors"),
    ):
        before = load_file(tmp_path / "data" / "demo_models" / factor / name)
        one, other = (
            load_file(tmp_path / perturbed(tmp_path, factor, number) / name)  # type: ignore[arg-type]
            for number in (1, 2)
        )
        weights = np.concatenate([before[key].ravel() for key in before]).astype(np.float64)
        first = np.concatenate([one[key].ravel() for key in before])
        second = np.concatenate([other[key].ravel() for key in before])
        assert first.dtype == np.float32
        large = np.abs(weights) > 1e-3
        relative = (first[large] - weights[large]) / weights[large]
        # Single precision rounds it to steps of about 1e-7.
        assert relative.std() == pytest.approx(1e-7, rel=0.3)
        assert abs(relative).max() < 1e-6
        assert (first != second).any()


def test_rows_are_kept(tmp_path: Path) -> None:
    row = Row(Case("none", 1), {"cider": 2.5}, "c1a55", "a machine", 3.0)
    write_rows([row], tmp_path / "rows.json")
    assert read_rows(tmp_path / "rows.json") == [row]
    assert read_rows(tmp_path / "nowhere.json") == []


def test_spreads_are_those_of_what_differs_in_one_thing() -> None:
    rng = np.random.default_rng(0)
    found = cases(METHODS, seeds=4, generators=3, perturbations=5)
    scores = {case: {"cider": float(rng.random())} for case in found}

    def of(**changes: int) -> float:
        return scores[Case("replace_image", **changes)]["cider"]

    def none(**changes: int) -> float:
        return scores[Case("none", **changes)]["cider"]

    asked = ("replace_image", "cider")
    by_seed = [of(seed=seed) - none(seed=seed) for seed in range(4)]
    assert spread_over(scores, *asked, "seeds", paired=True) == by_seed
    by_generator = [of(generator_seed=seed) for seed in range(3)]
    assert spread_over(scores, *asked, "generators", paired=False) == by_generator
    # A perturbed captioner is perturbed without curation too; a generator is not there.
    both = [of(captioner=number) - none(captioner=number) for number in range(1, 6)]
    assert spread_over(scores, *asked, "captioner", paired=True) == both
    one = [of(generator=number) - none() for number in range(1, 6)]
    assert spread_over(scores, *asked, "generator", paired=True) == one
    assert spread_over(scores, "remove", "cider", "generator", paired=True) == []

    values = {line.what: line.values for line in lines(scores, METHODS)}
    assert values["CIDEr, replace_image minus none: over seeds"] == [100 * stdev(by_seed)]
    assert "CIDEr, none minus none: over seeds" not in values


def test_planted_components_say_how_much_is_needed() -> None:
    rng = np.random.default_rng(1)
    of_seed, of_generator = rng.normal(0, 0.02, 200), rng.normal(0, 0.03, 200)
    scores = {}
    for case in cases(("remove", "replace_image"), seeds=200, generators=200, perturbations=0):
        none = 2.5 + case.seed  # what all methods share does not count
        own = rng.normal(0, 0.01) + of_seed[case.seed] + of_generator[case.generator_seed]
        scores[case] = {"cider": none + (own if case.method == "replace_image" else 0.0)}
    found = components(scores, "replace_image")
    assert found is not None
    assert (found.generators, found.seeds, found.rest) == pytest.approx((9, 4, 1), rel=0.3)
    assert components(scores, "remove") == Components(0.0, 0.0, 0.0)
    assert components({Case("none"): {"cider": 1.0}}, "remove") is None

    three, six = needed("replace_image", Components(9.0, 4.0, 1.0))
    assert three.startswith("replace_image: a true difference of 3 CIDEr is found in 80% of")
    assert "one generator, for which alone it then holds: 7 seeds" in three
    assert "3 generators: more than 100 seeds" in three and "3 generators" in six

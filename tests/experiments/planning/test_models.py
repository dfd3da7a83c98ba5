"""Which models a plan is for, and that no speed is another model's."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from safetensors import safe_open

from caption_curation.config.params import Params, load_params
from caption_curation.experiments.planning.benchmarked import benchmarked
from caption_curation.experiments.planning.corpus_size import CorpusSize, planned_corpus
from caption_curation.experiments.planning.forecast import State
from caption_curation.experiments.planning.model_bytes import base_captioner_bytes
from caption_curation.experiments.planning.models import Model, models_of
from caption_curation.experiments.planning.study_cost import Speeds, study_text, with_corpora
from caption_curation.experiments.planning.table import unknown_table
from caption_curation.experiments.planning.throughput import measure
from caption_curation.experiments.planning.work import GENERATING, SCORING, TRAINING, Work, work_of
from tests.conftest import REPOSITORY
from tests.experiments.planning.test_work import EPOCHS, NAMES, OTHERS

Change = Callable[[dict[str, Any]], None]
STATES = dict.fromkeys([*NAMES, *OTHERS], State.RUNS)


def params_of(profile: str, change: Change = lambda _: None) -> Params:
    """Those of params.yaml, with another profile of the repository, and changed."""
    content: dict[str, Any] = load_params(REPOSITORY).model_dump()
    content["profile"] = yaml.safe_load((REPOSITORY / f"profiles/{profile}.yaml").read_text())
    content["experiment"]["profile"] = profile
    change(content)
    return Params.model_validate(content)


def sdxl(steps: int = 30, guidance: float = 7.5, **generator: Any) -> Params:
    def change(content: dict[str, Any]) -> None:
        content["experiment"]["synthesis"] |= {"steps": steps, "guidance": guidance}
        content["profile"]["generator"] |= generator

    return params_of("flickr30k_sdxl", change)


def work(params: Params, speeds: dict[str, float]) -> list[Work]:
    corpus = planned_corpus(params)
    assert params.experiment.training.epochs == len(EPOCHS)
    return work_of(params, STATES, corpus, corpus_images(corpus), speeds)


def corpus_images(corpus: CorpusSize) -> Any:
    from caption_curation.experiments.planning.bounds import at_most

    return at_most(corpus.samples)


# ---------------------------------------------------------------------- whose speed it is


def test_models_are_known_by_their_own_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    demo = models_of(params_of("demo"))
    assert [(model.part, model.family) for model in demo] == [
        ("generator", "stable_diffusion"),
        ("captioner", "blip"),
    ]
    # A stage's own result says more than the profile.
    index = tmp_path / "index"
    index.write_text('{"_class_name": "FluxPipeline"}')
    made = {Path("data/base_generator/model_index.json"): index}
    assert models_of(params_of("flickr30k_sdxl"), made.get)[0].family == "flux"


def test_the_family_of_a_model_on_the_hub_is_not_guessed_before_it_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    params = params_of("flickr30k_sd3")
    assert models_of(params)[0].family is None
    assert models_of(params_of("flickr30k_git"))[1].family is None  # not even a commit
    base: Any = params.profile.generator.base
    folder = tmp_path / f"models--{base.id.replace('/', '--')}/snapshots/{base.revision}"
    folder.mkdir(parents=True)
    (folder / "model_index.json").write_text('{"_class_name": "StableDiffusion3Pipeline"}')
    assert models_of(params)[0].family == "stable_diffusion_3"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """What a GPU has measured of two models."""
    drawing = {"work": GENERATING, "models": ["stabilityai/stable-diffusion-xl-base-1.0"],
               "image_size": 1024, "steps": 30, "guidance": True}  # fmt: skip
    reading = {"models": ["model_base_capfilt_large.pth"], "image_size": 384, "adapter": False}
    rows = [
        {"what": "a", "unit": "images/s", "values": [1.0, 3.0, 2.0], "of": drawing},
        {"what": "b", "unit": "pairs/s", "values": [90.0], "of": {"work": TRAINING, **reading}},
        {"what": "c", "unit": "pairs/s", "values": [400.0], "of": {"work": SCORING, **reading}},
        {"what": "d", "unit": "%", "values": [40.0]},
    ]
    record = {"outcome": {"rows": rows}, "machine": "a card", "date": "2026-11-29"}
    file = tmp_path / "results.json"
    file.write_text(json.dumps({"gpu": record}))
    return file


def test_a_benchmark_counts_for_its_own_model_and_settings_alone(results: Path) -> None:
    found = benchmarked(sdxl(), results)
    assert found.per_second == {GENERATING: 2.0, TRAINING: 90.0, SCORING: 400.0}
    (note,) = found.notes
    assert "a card" in note and "2026-11-29" in note and GENERATING in note
    of_others: list[Params] = [
        sdxl(steps=8),
        sdxl(guidance=1.0),
        sdxl(image_size=512),
        params_of("flickr30k_sd3"),
        params_of("flickr30k_flux"),
        params_of("flickr30k"),
    ]
    for params in of_others:
        assert set(benchmarked(params, results).per_second) == {TRAINING, SCORING}
    for profile in ("demo", "flickr30k_git", "flickr30k_smolvlm"):
        assert benchmarked(params_of(profile), results).per_second == {}
    assert benchmarked(sdxl(), results.with_name("none.json")).per_second == {}


def test_the_repositorys_own_results_can_be_read() -> None:
    benchmarked(sdxl(), REPOSITORY / "benchmarks/results.json")


def test_what_was_measured_of_another_model_holds_not_for_this_one() -> None:
    usual, other = models_of(sdxl())[0], models_of(params_of("flickr30k_sd3"))[0]
    assert usual.is_as_fast_as(models_of(sdxl(fine_tuning=sdxl_trained(10)))[0])
    assert not usual.is_as_fast_as(other)
    assert not usual.is_as_fast_as(models_of(sdxl(steps=8))[0])


def sdxl_trained(steps: int) -> dict[str, Any]:
    return sdxl().profile.generator.fine_tuning.model_dump() | {"steps": steps}


def test_a_model_of_other_parameters_in_the_workspace_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = params_of("demo")
    shutil.copytree(REPOSITORY / "data/demo_models/generator", tmp_path / "data/base_generator")
    (tmp_path / "data/corpus/images").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    corpus = replace(planned_corpus(params), training=[])
    measured = measure(params, corpus, 1, current=["corpus"])
    assert measured.per_second == {}
    assert [note.split("`")[1] for note in measured.notes] == [
        "dvc repro base_generator",
        "dvc repro base_captioner",
    ]


# ----------------------------------------------------------------------- what is said then


def text(models: list[Model], speeds: dict[str, float], params: Params) -> str:
    return " ".join("\n".join(unknown_table(models, work(params, speeds))).split())


def test_a_plan_says_of_which_models_it_knows_no_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    params = params_of("flickr30k_sdxl")
    said = text(models_of(params), {}, params)
    for words in (
        "stable-diffusion-xl-base-1.0 (its family is known when it has been downloaded)",
        "1024 px, 8 steps an image with guidance",
        "an adapter of it is trained in 15,000 steps of 32 images",
        "model_base_capfilt_large.pth (family blip), 384 px: train the captioner",
        "plan --measure",
        "python -m benchmarks gpu",
    ):
        assert words in said
    known = {name: 1.0 for model in models_of(params) for name in model.work}
    assert text(models_of(params), known, params) == ""
    del known[GENERATING]
    drawn = text(models_of(params), known, params)
    assert "8 steps an image" in drawn and drawn.count("generate images") == 1
    assert "model_base_capfilt_large" not in drawn
    flux = params_of("flickr30k_flux")
    assert "used as it is: generate images" in text(models_of(flux), {}, flux)
    of_demo = params_of("demo")
    assert "benchmarks" not in text(models_of(of_demo), {}, of_demo)  # no published model's


def test_a_studys_plan_names_each_of_its_models_once() -> None:
    todo = with_corpora([params_of("flickr30k_git"), params_of("flickr30k_smolvlm")])
    said = study_text(todo, [], Speeds({}), free=1e12)
    assert said.count("microsoft/git-base (") == said.count("SmolVLM-500M-Instruct (") == 1
    assert said.count("stable-diffusion-v1-5/stable-diffusion-v1-5 (") == 1


def test_an_adapter_takes_the_space_of_its_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    adapter = {"rank": 3, "alpha": 3.0, "dropout": 0.0, "target_modules": ["qkv"]}

    def adapted(content: dict[str, Any]) -> None:
        content["profile"]["captioner"]["fine_tuning"]["adapter"] = adapter

    file = REPOSITORY / "data/demo_models/captioner/model.safetensors"
    with safe_open(file, "np") as content:
        shapes = {name: content.get_slice(name).get_shape() for name in content.keys()}  # noqa: SIM118
    layers = [shape for name, shape in shapes.items() if name.endswith(".qkv.weight")]
    assert layers
    expected = sum(4 * 3 * (rows + columns) for rows, columns in layers)
    assert base_captioner_bytes(params_of("demo", adapted)) == expected

"""Each benchmark at its smallest size: that it compares what it says, and counts right."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from benchmarks import __main__, gpu, scale, scoring, start_up, storage, sweep
from benchmarks.random_models import (
    BLIP_BASE,
    STABLE_DIFFUSION_15,
    BlipSize,
    DiffusionSize,
    random_captioner,
    random_generator,
)
from benchmarks.results import (
    RESULTS,
    Outcome,
    Record,
    Row,
    alternating,
    read_results,
    record,
    write_results,
)
from benchmarks.scale.table import figure, markdown
from benchmarks.start_up import Child, Process, breakdown
from benchmarks.table import BEGIN, END, table
from caption_curation.captioner.model.captioner import Captioner
from caption_curation.captioner.training.epoch import train_epoch
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.families.stable_diffusion import load_generator
from caption_curation.text_to_image.image_store import open_store
from tests.conftest import REPOSITORY
from tests.text_to_image.image_store.noise_generator import RECIPE, noise_images, requests_for

TINY_BLIP = BlipSize(
    vision={
        "hidden_size": 24,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "image_size": 32,
        "patch_size": 8,
    },
    text={
        "vocab_size": 300,
        "hidden_size": 32,
        "encoder_hidden_size": 24,
        "intermediate_size": 128,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "max_position_embeddings": 64,
    },
)
TINY_DIFFUSION = DiffusionSize(
    unet={
        "sample_size": 16,
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
        "block_out_channels": (8, 16),
        "norm_num_groups": 4,
        "layers_per_block": 1,
        "cross_attention_dim": 16,
        "attention_head_dim": 2,
    },
    autoencoder={
        "down_block_types": ("DownEncoderBlock2D",) * 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2,
        "block_out_channels": (8, 8),
        "norm_num_groups": 4,
        "latent_channels": 4,
        "sample_size": 32,
    },
    text_encoder={
        "vocab_size": 700,
        "hidden_size": 16,
        "intermediate_size": 32,
        "projection_dim": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    },
)
TINY = gpu.Sizes(
    diffusion=TINY_DIFFUSION,
    image_size=32,
    images=2,
    steps=(2,),
    blip=TINY_BLIP,
    photographs=2,
    photograph_size=(40, 32),
    training_batch=4,
    scoring_batch=2,
    repetitions=1,
)


@pytest.fixture(scope="module")
def captioner() -> Captioner:
    return random_captioner(TINY_BLIP, ["a picture of five red rings on a white wall 1 2 3 4 5"])


# ---------------------------------------------------------------------------- scoring


def counted_by_hand(size: BlipSize, *, encoded: int, projected: int) -> int:
    """FLOP of scoring: 2 for each multiplication in a matrix product.

    ``encoded`` images go through the vision encoder, ``projected`` through the keys and values of
    cross-attention.
    """
    vision: dict[str, int] = {**size.vision}
    text: dict[str, int] = {**size.text}
    width, deep = vision["hidden_size"], text["hidden_size"]
    patches = (vision["image_size"] // vision["patch_size"]) ** 2
    places = patches + 1
    captions, tokens = scoring.CAPTIONS, scoring.TOKENS
    layer = places * (4 * width**2 + 2 * width * vision["intermediate_size"])
    layer += 2 * places**2 * width  # attention: its scores, and the mean of the values
    image = patches * 3 * vision["patch_size"] ** 2 * width + vision["num_hidden_layers"] * layer
    # Self-attention has four projections, cross-attention two of each token.
    of_layer = tokens * (6 * deep**2 + 2 * deep * text["intermediate_size"])
    of_layer += 2 * tokens**2 * deep + 2 * tokens * places * deep
    caption = text["num_hidden_layers"] * of_layer + tokens * deep * (deep + text["vocab_size"])
    keys_and_values = text["num_hidden_layers"] * 2 * places * width * deep
    return 2 * (encoded * image + captions * caption + projected * keys_and_values)


def test_operations_are_those_counted_by_hand(captioner: Captioner) -> None:
    five = scoring.CAPTIONS
    assert list(scoring.flops(captioner, 1).values()) == [
        counted_by_hand(TINY_BLIP, encoded=five, projected=five),
        counted_by_hand(TINY_BLIP, encoded=1, projected=five),
        counted_by_hand(TINY_BLIP, encoded=1, projected=1),
    ]
    # What is to be expected at the published size.
    per_caption, per_image, shared = (
        counted_by_hand(BLIP_BASE, encoded=encoded, projected=projected)
        for encoded, projected in ((five, five), (1, five), (1, 1))
    )
    assert per_caption / per_image == pytest.approx(3.1, abs=0.05)
    assert per_caption / shared == pytest.approx(4.4, abs=0.05)


@torch.inference_mode()
def test_the_ways_of_scoring_give_the_same_logits(captioner: Captioner) -> None:
    captioner.model.eval()
    batch = scoring.random_batch(captioner, 3)
    first, *others = (way(captioner, *batch) for way in scoring.WAYS.values())
    assert first.shape == (15, scoring.TOKENS, captioner.model.config.text_config.vocab_size)
    assert not torch.allclose(first[0], first[5], atol=1e-3)
    for other in others:
        torch.testing.assert_close(other, first)


def test_files_of_their_own_are_encoded_for_every_caption(
    captioner: Captioner, tmp_path: Path
) -> None:
    encoded: list[int] = []
    hook = captioner.model.vision_model.register_forward_hook(
        lambda module, arguments, output: encoded.append(len(output.last_hidden_state))
    )
    samples, files = scoring.drawn_samples(tmp_path, 3)
    once = scoring.losses_of(captioner, samples, files, 2)
    assert sum(encoded) == 3
    own = scoring.files_of_their_own(samples, files)
    again = scoring.losses_of(captioner, samples, own, 10)
    hook.remove()
    assert sum(encoded) == 3 + 15
    assert [loss.loss_sum for loss in again] == pytest.approx([loss.loss_sum for loss in once])
    assert [loss.sample_id for loss in again] == [sample.sample_id for sample in samples]


# ------------------------------------------------------------------------------ sweep


def test_a_sweep_counts_shared_images_once(tmp_path: Path) -> None:
    order: list[str] = []

    def experiment(name: str, cache: Path, number: int) -> sweep.Ran:
        order.append(name)
        with open_store(cache) as store:
            counts = store.obtain(RECIPE, requests_for(range(number)), noise_images, 4)
            return sweep.Ran(stages=1, images=counts.generated)

    found = sweep.compare(
        [("2",), ("4",), ("6",)],
        prepare=lambda: experiment("prepare", tmp_path / "together", 3),
        shared=lambda setting: experiment("shared", tmp_path / "together", int(setting[0])),
        alone=lambda setting: experiment("alone", tmp_path / setting[0], int(setting[0])),
        jobs=1,
    )
    assert (found.shared.images, found.alone.images) == (6, 2 + 4 + 6)
    assert order == ["prepare", "shared", "alone", "alone", "shared", "shared", "alone"]
    assert (found.shared.stages, found.alone.stages) == (4, 3)
    images, stages, seconds = sweep.outcome(found, 3).rows
    assert images.ratios == [2.0]
    assert stages.ratios == [3 / 4]
    assert seconds.values == [found.shared.seconds]
    assert seconds.baseline == [found.alone.seconds]


def test_a_sweep_has_every_method_with_every_ratio() -> None:
    settings = sweep.settings()
    assert len(set(settings)) == 12
    assert ("curation.method=remove", "curation.ratio=0.8") in settings


# --------------------------------------------------------------------------- start-up


def test_the_parts_of_a_run_are_all_of_it() -> None:
    stage = Process(
        words=["python", "-m", "stages.evaluate"],
        ready=2.5,
        ended=19.0,
        imports=[(3.0, 5.0), (6.0, 7.0)],
        packages={"torch": 2.0, "numpy": 0.5},
        children=[
            Child(["/opt/bin/java", "-jar", "meteor.jar"], 6.5, 12.0),
            Child(["/opt/bin/java", "PTBTokenizer"], 11.0, 13.0),
            Child(["python", "-m", "dvc", "cache", "dir"], 15.0, 16.0),
        ],
    )
    asking = Process(["python", "-m", "dvc", "cache", "dir"], 15.1, 15.9, [], {"dvc": 0.5}, [])
    dvc = Process(
        words=["python", "-m", "dvc", "repro"],
        ready=0.5,
        ended=24.0,
        imports=[(0.5, 1.0)],
        packages={"dvc": 0.5},
        children=[
            Child(["git", "status"], 1.0, 1.5),
            Child(["/bin/sh", "-c", "python -m stages.evaluate"], 2.0, 20.0),
        ],
    )
    parts = breakdown((0.0, 25.0), [asking, stage, dvc])
    assert parts == {
        start_up.DVC: 25.0 - 18.0,
        start_up.BEGIN: 0.5,
        start_up.END: 1.0,
        start_up.IMPORTS: 3.0,
        start_up.CACHE: 1.0,
        start_up.JAVA: 13.0 - 7.0,  # 6.5 to 7 is an import's
        start_up.WORK: 25.0 - (7.0 + 1.5 + 3.0 + 1.0 + 6.0),
    }
    outcome = start_up.outcome((0.0, 25.0), [asking, stage, dvc])
    assert outcome.rows[0].values == [25.0]
    assert "74% of the run are not work; the biggest part (28%) is DVC" in outcome.notes[0]
    assert outcome.notes[1].endswith("torch 2.0 s, numpy 0.5 s")


def test_the_recorder_sees_stages_imports_and_children(tmp_path: Path) -> None:
    """In a DVC repository with one stage, which imports a package and starts a `java`."""
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "__init__.py").write_text("import slow.inner\n")
    (tmp_path / "slow" / "inner.py").write_text("import decimal\n")
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "one.py").write_text(
        "import subprocess\nimport slow\nsubprocess.run(['./java'], check=True)\n"
    )
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\n")
    java.chmod(0o755)
    stage = {"cmd": f"{sys.executable} -m stages.one", "deps": ["slow"]}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"one": stage}}))
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\n    analytics = false\n    no_scm = true\n")
    log = tmp_path / "log.jsonl"
    subprocess.run(
        [sys.executable, "-m", "dvc", "repro", "--quiet"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(start_up.RECORDER), "START_UP_LOG": str(log)},
        check=True,
    )
    processes = start_up.read_log(log)
    ((process, child),) = start_up.stage_processes(processes)
    assert child.begin < process.ready < process.imports[0][0]
    assert process.imports[-1][1] < process.children[0].begin < process.ended < child.end
    assert [child.words for child in process.children] == [["./java"]]
    assert {"slow", "decimal"} <= set(process.packages)
    # Nested imports are parts of the outermost ones, and counted once.
    outermost = sum(end - begin for begin, end in process.imports)
    assert sum(process.packages.values()) == pytest.approx(outermost)
    run = (processes[-1].ready, processes[-1].ended)
    parts = breakdown(run, processes)
    assert sum(parts.values()) == pytest.approx(run[1] - run[0])
    assert parts.pop(start_up.CACHE) == 0
    assert min(parts.values()) > 0


def test_a_plain_stage_is_without_what_hastens_the_others() -> None:
    def thresholds(first: str) -> str:
        code = f"{first}\nimport gc; print(gc.get_threshold())"
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert thresholds("") == "(700, 10, 10)"
    assert thresholds(start_up.PLAIN) == "(700, 10, 10)"
    assert thresholds(start_up.HASTENED) == "(100000, 10, 10)"


# ---------------------------------------------------------------------------- storage


def test_images_go_through_store_cache_remote_and_back(tmp_path: Path) -> None:
    pictures = storage.random_pictures(2)
    seconds, kilobytes = storage.seconds_of(tmp_path, 5, pictures)
    assert len(seconds) == 4
    assert 35 < kilobytes < 45
    images = list((tmp_path / "repository" / "synthetic").iterdir())
    assert len({image.read_bytes() for image in images}) == 5
    assert {image.stat().st_nlink for image in images} == {3}  # the store's, DVC's, the output's
    objects = [path for path in (tmp_path / "remote").rglob("*") if path.is_file()]
    assert len(objects) == 5 + 1  # and their list


# -------------------------------------------------------------------------------- gpu


def test_published_sizes_have_the_published_costs() -> None:
    step, decoding = gpu.teraflop(STABLE_DIFFUSION_15, 512)
    assert step == pytest.approx(0.80, abs=0.01)
    assert decoding == pytest.approx(2.5, abs=0.05)


def test_drawing_is_compared_with_equal_images(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    random_generator(TINY_DIFFUSION, gpu.CAPTIONS).save_pretrained(folder)
    generator = load_generator(folder, sampler="dpm_solver")
    plain = gpu.plain_pipeline(folder, generator.device)
    ours, theirs = gpu.draw(generator, TINY, 2), gpu.draw_plainly(plain, TINY, 2)
    assert [image.size for image in theirs] == [(32, 32)] * 2
    for first, second in zip(ours, theirs, strict=True):
        assert first
        assert np.asarray(first, dtype=int) == pytest.approx(np.asarray(second, dtype=int), abs=1)
    images, share = gpu.drawing(TINY, peak=100.0)
    step, decoding = gpu.teraflop(TINY_DIFFUSION, 32)
    percent = images.values[0] * (2 * 2 * step + decoding)  # of 100 TFLOP/s
    assert share.values == pytest.approx([percent])
    assert share.ratios == pytest.approx(images.ratios)


def test_training_and_scoring_are_measured_in_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[int] = []

    def counting(captioner: Captioner, optimizer: Any, samples: Sequence[Any], *others: Any,
                 **options: Any) -> float:  # fmt: skip
        trained.append(len(samples))
        return train_epoch(captioner, optimizer, samples, *others, **options)

    monkeypatch.setattr(gpu, "train_epoch", counting)
    monkeypatch.setattr(gpu, "alternating", lambda ways, repetitions: timed_as_two_seconds(ways))
    training, scored = gpu.captioning(TINY)
    assert trained == [4, 10]  # a batch to warm up, then all pairs
    assert training.values == scored.values == scored.baseline == [10 / 2]


def timed_as_two_seconds(ways: dict[str, Any]) -> dict[str, list[float]]:
    for way in ways.values():
        way()
    return {name: [2.0] for name in ways}


def test_a_machine_without_gpu_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu.measure() == Outcome([], not_measured="no GPU on this machine")


# ------------------------------------------------------------------ results and table

RECORD = Record(
    outcome=Outcome(
        [
            Row("faster", "s", [2.0, 1.0, 4.0], "slow", [6.0, 5.0, 8.0]),
            Row("more", "images/s", [1234.5], "less", [600.0], "higher"),
            Row("alone", "s", [0.01234]),
        ],
        notes=["a note"],
    ),
    machine="2 cores of a processor",
    date="2026-11-21",
    versions={"torch": "2.13.0"},
    busy_cores=0.1,
)


def test_alternating_reverses_every_other_repetition() -> None:
    order: list[str] = []
    ways = {name: lambda name=name: order.append(name) for name in "abc"}
    seconds = alternating(ways, 3)
    assert "".join(order) == "abc" + "cba" + "abc"
    assert {name: len(values) for name, values in seconds.items()} == {"a": 3, "b": 3, "c": 3}


def test_ratios_are_of_each_repetition() -> None:
    assert RECORD.outcome.rows[0].ratios == [3.0, 5.0, 2.0]
    assert RECORD.outcome.rows[1].ratios == [1234.5 / 600]
    assert RECORD.outcome.rows[2].ratios == []
    with pytest.raises(ValueError):
        _ = Row("faster", "s", [1.0, 2.0], "slow", [2.0]).ratios


def test_results_survive_their_file(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    assert read_results(path) == {}
    write_results(path, {"scoring": RECORD})
    assert read_results(path) == {"scoring": RECORD}
    path.write_text('{"scoring": {}}')
    with pytest.raises(InputError, match="not a file of benchmark results"):
        read_results(path)


def test_a_record_names_machine_and_versions() -> None:
    made = record(lambda: RECORD.outcome)
    assert made.outcome == RECORD.outcome
    assert "cores of" in made.machine
    assert {"torch", "dvc", "Python"} <= set(made.versions)


def test_table_shows_median_spread_and_place() -> None:
    elsewhere = replace(RECORD, outcome=Outcome([], not_measured="no GPU"), busy_cores=1.5)
    lines = table({"scoring": RECORD, "gpu": elsewhere}).splitlines()
    assert lines[2:6] == [
        "| scoring | faster | 2 (1–4) s | slow | 6 (5–8) s | **3 (2–5)** |",
        "| scoring | more | 1,234 images/s | less | 600 images/s | **2.06** |",
        "| scoring | alone | 0.0123 s |  |  |  |",
        "| gpu | not measured: no GPU | | | | |",
    ]
    assert lines[7:] == [
        "- scoring: a note",
        "- scoring: 2 cores of a processor; 2026-11-21; torch 2.13.0",
        "- gpu: 2 cores of a processor, 1.5 cores busy with other work; 2026-11-21; torch 2.13.0",
    ]


def test_command_keeps_results_and_writes_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, page = tmp_path / "results.json", tmp_path / "benchmarks.md"
    monkeypatch.setattr(__main__, "RESULTS", results)
    monkeypatch.setattr(__main__, "PAGE", page)
    monkeypatch.setattr(scoring, "measure", lambda: RECORD.outcome)
    monkeypatch.setattr(gpu, "measure", lambda: Outcome([], not_measured="no GPU"))
    write_results(results, {"gpu": RECORD})
    __main__.main(["gpu", "scoring"])
    kept = read_results(results)
    assert kept["gpu"] == RECORD  # what a machine with a GPU measured stays
    assert kept["scoring"].outcome == RECORD.outcome

    monkeypatch.setattr(scale, "ROWS", tmp_path / "rows.json")
    begin, end = __main__.SCALE_MARKERS
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nbetween\n{begin}\n{end}\nafter\n")
    __main__.main(["table"])
    text = page.read_text()
    shown = table({name: kept[name] for name in ("scoring", "gpu")})  # in the modules' order
    costs = markdown([])
    assert text == (
        f"before\n{BEGIN}\n\n{shown}\n\n{END}\nbetween\n{begin}\n\n{costs}\n\n{end}\nafter\n"
    )
    __main__.main(["table"])
    assert page.read_text() == text

    with pytest.raises(SystemExit, match="goes alone"):
        __main__.main(["table", "gpu"])
    page.write_text(f"{END}\n{BEGIN}\n")
    with pytest.raises(SystemExit, match="goes between two lines"):
        __main__.main(["table"])


def test_the_page_has_the_table_of_the_results() -> None:
    """``python -m benchmarks table`` was run after the last measurement."""
    results = read_results(RESULTS)
    shown = table({name: results[name] for name in __main__.BENCHMARKS})
    text = __main__.PAGE.read_text(encoding="utf-8")
    assert f"{BEGIN}\n\n{shown}\n\n{END}" in text
    begin, end = __main__.SCALE_MARKERS
    rows = scale.read_rows()
    assert f"{begin}\n\n{markdown(rows)}\n\n{end}" in text
    assert not rows or __main__.FIGURE.read_text(encoding="utf-8") == figure(rows)

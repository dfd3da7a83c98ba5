"""A stage that is killed loses no more than an interval, and its result is that of one that is not.

By hand (``pytest -m by_hand tests/compute/test_kills.py -n0``): ten kills of one epoch, on one
process and on two.
"""

import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from caption_curation import paths
from stages import caption, clip_features, score, train_captioner
from tests.compute.killed_stages import (
    CAPTIONER,
    CHECKPOINTS,
    EVERY,
    last_checkpoint,
    log,
    prepare,
    resumed_at,
    run,
    run_here,
    run_until,
    run_until_writing,
    saved,
)
from tests.pipeline.clone import change

IMAGES = 120  # 60 batches of training
PART = 32  # batches


def trained(folder: Path) -> dict[str, bytes]:
    """The outputs of the training stage, by name."""
    files = [*sorted((folder / paths.captioner(1)).iterdir()), folder / paths.optimizer(1)]
    return {file.name: file.read_bytes() for file in files}


def last_line(printed: str) -> str:
    return printed.strip().splitlines()[-1]


def left_behind(folder: Path) -> list[Path]:
    return list((folder / CHECKPOINTS).iterdir())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A project that one epoch was trained in, and what was printed."""
    folder = prepare(tmp_path_factory.mktemp("undisturbed") / "project", train=IMAGES)
    printed = run_here(folder, train_captioner.main, 1)
    assert not left_behind(folder)
    return folder, printed


# ---------------------------------------------------------------------------------- training


def test_training_goes_on_after_kills(undisturbed: tuple[Path, str], tmp_path: Path) -> None:
    folder = prepare(tmp_path / "project", train=IMAGES)
    training = "train_captioner 1"
    first = run_until(folder, training, lambda: last_checkpoint(log(folder)) >= 20)
    second = run_until_writing(folder, training, 40)
    assert len(saved(folder, "train*/*.partial")) == 1
    last = run(folder, training)

    # A checkpoint may be there that was not told of yet.
    assert resumed_at(second) - last_checkpoint(first) in (0, EVERY)
    assert (last_checkpoint(second), resumed_at(last)) == (36, 36)
    assert f"epoch 1: resuming at batch {resumed_at(last)} of {IMAGES // 2}" in last
    assert last_line(last) == last_line(undisturbed[1])
    assert trained(folder) == trained(undisturbed[0])
    assert not left_behind(folder)


def test_training_goes_on_from_whole_checkpoints_of_its_own_alone(
    undisturbed: tuple[Path, str], tmp_path: Path
) -> None:
    folder = prepare(tmp_path / "project", train=IMAGES)
    run_until(folder, "train_captioner 1", lambda: last_checkpoint(log(folder)) >= EVERY)
    [unfinished] = saved(folder, "train*/")

    change(folder / "params.yaml", {"seed": 1})
    assert resumed_at(run_here(folder, train_captioner.main, 1)) == 0
    assert trained(folder) != trained(undisturbed[0])
    assert unfinished.is_dir()

    change(folder / "params.yaml", {"seed": 0})
    for checkpoint in unfinished.glob("step-*"):
        checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    assert resumed_at(run_here(folder, train_captioner.main, 1)) == 0
    assert trained(folder) == trained(undisturbed[0])
    assert not unfinished.exists()


# --------------------------------------------------------------------------- maps over batches


def with_captioner(folder: Path) -> Path:
    shutil.copytree(CAPTIONER, folder / paths.captioner(1))
    return folder


@dataclass(frozen=True)
class Map:
    """A stage that computes a map over batches, the largest one's title, and what is written."""

    stage: str
    main: Callable[..., None]
    arguments: tuple[object, ...]
    title: str
    batches: int
    output: Path
    sizes: dict[str, int]


MAPS = [
    Map("score 1", score.main, (1,), "losses", 120, paths.losses(1), {"train": 120}),
    Map(
        "caption validation 1",
        caption.main,
        ("validation", 1),
        "captions",
        120,
        paths.validation(1),
        {"train": 1, "validation": 120},
    ),
    Map(
        "clip_features",
        clip_features.main,
        (),
        "images of val",
        80,
        paths.CLIP_FEATURES / "val.safetensors",
        {"train": 1, "validation": 80 * 64},
    ),
]


@pytest.mark.parametrize("one", [pytest.param(one, id=one.stage) for one in MAPS])
def test_a_map_goes_on_after_a_kill(tmp_path: Path, one: Map) -> None:
    folder = with_captioner(prepare(tmp_path / "project", **one.sizes))
    run_here(folder, one.main, *one.arguments)
    expected = (folder / one.output).read_bytes()
    (folder / one.output).unlink()

    def parts() -> list[Path]:
        found = saved(folder, f"*/{one.title.replace(' ', '_')}/*")
        return [file for file in found if file.suffix != ".partial"]

    run_until(folder, one.stage, lambda: len(parts()) > 1)
    assert not (folder / one.output).exists()
    whole = parts()
    whole[0].write_bytes(whole[0].read_bytes()[:-1])  # as a failing disk would
    printed = run_here(folder, one.main, *one.arguments)
    done = PART * (len(whole) - 1)
    assert f"{one.title}: going on with {done} of {one.batches} batches done" in printed
    assert (folder / one.output).read_bytes() == expected
    assert not left_behind(folder)


def test_what_is_short_leaves_no_trace(tmp_path: Path) -> None:
    folder = with_captioner(prepare(tmp_path / "project", train=2))
    shutil.rmtree(folder / paths.captioner(1))
    run_here(folder, train_captioner.main, 1)
    run_here(folder, score.main, 1)
    run_here(folder, caption.main, "validation", 1)
    assert not (folder / CHECKPOINTS).exists()


# ------------------------------------------------------------------------------- ten kills


def kill_at(folder: Path, batch: int, wait: float) -> Callable[[], bool]:
    """So many seconds after the checkpoint at ``batch``, or after a later one."""
    since: list[float] = []

    def reached() -> bool:
        if not since and last_checkpoint(log(folder)) >= batch:
            since.append(time.monotonic())
        return bool(since) and time.monotonic() - since[0] >= wait

    return reached


def kill_in_writing(folder: Path, batch: int) -> Callable[[], bool]:
    """While a checkpoint after the one at ``batch`` is written."""
    return lambda: last_checkpoint(log(folder)) >= batch and bool(saved(folder, "train*/*.partial"))


@pytest.mark.by_hand
@pytest.mark.parametrize("processes", [1, 2])
def test_ten_kills_at_random_batches_and_two_while_a_checkpoint_is_written(
    tmp_path: Path, processes: int
) -> None:
    images, training, chance = 600, "train_captioner 1", random.Random(processes)
    plain = prepare(tmp_path / "plain", train=images)
    expected = run(plain, training, processes=processes)
    folder = prepare(tmp_path / "killed", train=images)
    resumed = [0]
    for turn in range(12):
        if turn % 6 == 5:
            condition = kill_in_writing(folder, resumed[-1] + EVERY)
        else:
            later = EVERY * chance.randint(1, 3)
            condition = kill_at(folder, resumed[-1] + later, chance.uniform(0, 0.1))
        printed = run_until(folder, training, condition, processes=processes)
        assert resumed_at(printed) == resumed[-1]
        writing = bool(saved(folder, "train*/*.partial"))
        told, [newest] = last_checkpoint(printed), saved(folder, "train*/step-*.safetensors")[-1:]
        resumed.append(int(newest.stem.removeprefix("step-")))
        print(f"kill {turn + 1}: told of {told}, goes on at {resumed[-1]}, writing: {writing}")
        # Had it come to the end of another interval, it would have begun to save it.
        assert resumed[-1] in (told, told + EVERY)
    printed = run(folder, training, processes=processes)
    assert resumed_at(printed) == resumed[-1]
    assert all(before < after for before, after in pairwise(resumed))
    assert last_line(printed) == last_line(expected)
    assert trained(folder) == trained(plain)
    assert not left_behind(folder)


@pytest.mark.by_hand
@pytest.mark.parametrize("stage", ["score 1", "caption validation 1"])
def test_parts_of_two_processes_after_ten_kills(tmp_path: Path, stage: str) -> None:
    images, chance = 1000, random.Random(stage)
    folder = with_captioner(prepare(tmp_path / "project", train=images, validation=images))
    output = folder / (paths.losses(1) if stage == "score 1" else paths.validation(1))
    run(folder, stage, processes=2)
    expected = output.read_bytes()
    output.unlink()
    done = 0
    for turn in range(10):
        enough = done // PART + chance.randint(1, 2)

        def reached(enough: int = enough) -> bool:
            return len(saved(folder, "*/*/*.jsonl")) >= enough

        printed = run_until(folder, stage, reached, processes=2)
        assert (f"going on with {done} of {images}" in printed) == (done > 0)
        done = PART * len(saved(folder, "*/*/*.jsonl"))
        print(f"kill {turn + 1}: {done} batches are saved")
    # On one process now: parts are not bound to who made them.
    assert f"going on with {done} of {images}" in run(folder, stage)
    assert output.read_bytes() == expected
    assert not left_behind(folder)

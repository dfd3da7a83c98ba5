"""Amounts, hours and disk space, and how the plan shows them."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from caption_curation.config.experiment import Experiment
from caption_curation.config.params import Params, load_params
from caption_curation.experiments.planning.bounds import Bounds, at_most, exactly
from caption_curation.experiments.planning.corpus_size import planned_corpus
from caption_curation.experiments.planning.forecast import State
from caption_curation.experiments.planning.image_bytes import mean_jpeg_bytes
from caption_curation.experiments.planning.table import space_table, stages_table, work_table
from caption_curation.experiments.planning.work import (
    GENERATING,
    TRAINING,
    space_of,
    total_hours,
    work_of,
)
from tests.commands.console import fail
from tests.conftest import REPOSITORY

EPOCHS = (1, 2, 3)
NAMES = [f"{stage}@{epoch}" for stage in ("train", "score", "validate") for epoch in EPOCHS]
OTHERS = ["finetune_generator", "validate@0", "caption_test"]


def experiment(**sections: dict[str, Any]) -> Experiment:
    """That of params.yaml, with some sections replaced."""
    content = yaml.safe_load((REPOSITORY / "params.yaml").read_text()) | sections
    return Experiment.model_validate(content)


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(REPOSITORY)


def states(default: State, **changes: State) -> dict[str, State]:
    return dict.fromkeys([*NAMES, *OTHERS], default) | {
        name.replace("_at_", "@"): state for name, state in changes.items()
    }


def test_amounts_of_a_first_run_and_their_hours(params: Params) -> None:
    corpus = planned_corpus(params)
    assert (corpus.samples, corpus.val, corpus.test) == (2500, 100, 200)
    speed = {GENERATING: 10.0, TRAINING: 5.0}
    work = work_of(params, states(State.RUNS), corpus, at_most(2000), speed)
    amounts = {part.name: part.amount for part in work}
    assert amounts == {
        "fine-tune the generator": exactly(300 * 32),
        "generate images": at_most(2000),
        "train the captioner": exactly(7500),
        "score the samples": exactly(7500),
        "caption images": exactly(4 * 100 + 200),
    }
    assert total_hours(work) == pytest.approx((7500 / 5 / 3600, (2000 / 10 + 7500 / 5) / 3600))
    text = "\n".join(work_table(work, "GPU-hours"))
    assert "at most 2,000 images" in text
    assert "0.4 to 0.5" in text
    assert "without: fine-tune the generator, score the samples, caption images" in text


def test_what_is_done_takes_no_time_even_at_an_unknown_speed(params: Params) -> None:
    corpus = planned_corpus(params)
    some = states(State.CACHED, train_at_3=State.RUNS, score_at_3=State.FOLLOWS)
    work = {part.name: part for part in work_of(params, some, corpus, exactly(0), {})}
    assert work["train the captioner"].amount == exactly(2500)
    assert work["score the samples"].amount == at_most(2500)
    assert work["train the captioner"].hours is None
    assert work["generate images"].hours == work["fine-tune the generator"].hours == (0.0, 0.0)


def test_work_of_which_no_speed_is_known_does_not_sum_up_to_no_time(params: Params) -> None:
    corpus = planned_corpus(params)
    some = states(State.CACHED, train_at_3=State.RUNS, score_at_3=State.FOLLOWS)
    work = work_of(params, some, corpus, exactly(0), {})
    total = next(line for line in work_table(work, "GPU-hours") if line.startswith("in all"))
    assert total.split() == ["in", "all", "not", "known"]
    done = work_of(params, states(State.CACHED), corpus, exactly(0), {})
    total = next(line for line in work_table(done, "GPU-hours") if line.startswith("in all"))
    assert total.split() == ["in", "all", "0.0"]


@pytest.mark.parametrize("value", ["0", "fast", "inf"])
def test_a_speed_that_is_none_is_refused(value: str) -> None:
    assert "'--images-per-second'" in fail("plan", "--images-per-second", value, status=2)


def test_space_is_images_and_a_captioner_with_two_moments_an_epoch(params: Params) -> None:
    some = states(State.CACHED, train_at_2=State.RUNS, train_at_3=State.FOLLOWS)
    images = Bounds(10, 1000)
    space = space_of(
        params, some, images, image_bytes=50e3, captioner_bytes=0.9e9, network_bytes=3.4e9
    )
    nothing = (0.0, 0.0)
    assert [need.bytes for need in space] == [
        (10 * 50e3, 1000 * 50e3),
        (2.7e9, 5.4e9),
        (0.0, 5.4e9),
        nothing,
        nothing,
    ]
    unknown = space_of(
        params, some, images, image_bytes=None, captioner_bytes=None, network_bytes=None
    )
    assert [need.bytes for need in unknown] == [None, None, None, nothing, nothing]
    text = "\n".join(space_table([*space, *unknown], 1.5e12))
    for words in ("2.7 to 5.4", "at most 0.1", "not known", "1,500.0"):
        assert words in text


def test_fine_tuning_needs_space_for_its_network_and_two_checkpoints(params: Params) -> None:
    some = states(State.CACHED, finetune_generator=State.RUNS)
    space = space_of(
        params, some, exactly(0), image_bytes=None, captioner_bytes=None, network_bytes=3.4e9
    )
    # A checkpoint: weights, average and two moments.
    assert [need.bytes for need in space[3:]] == [(3.4e9, 3.4e9), (27.2e9, 27.2e9)]


def test_stages_are_listed_by_state_with_their_epochs_together() -> None:
    some = states(State.CACHED, train_at_3=State.RUNS, train_at_2=State.RUNS)
    text = "\n".join(stages_table(some))
    assert "runs (2 stages: its inputs are known and new)\n  train@2,3" in text
    assert "cached (10 stages" in text
    assert "not here" not in text


def test_a_corpus_that_is_not_here_has_its_published_size(params: Params) -> None:
    coco = yaml.safe_load((REPOSITORY / "profiles/coco.yaml").read_text())
    coco["data"] |= {"train_fraction": 0.01}
    profile = type(params.profile).model_validate(coco)
    corpus = planned_corpus(params.model_copy(update={"profile": profile}))
    assert corpus.training is None
    assert (corpus.samples, corpus.val, corpus.test) == (5667, 5000, 5000)
    assert "published sizes of COCO" in corpus.known_from


def test_the_size_of_an_image_is_that_of_photographs_as_large(tmp_path: Path) -> None:
    assert mean_jpeg_bytes([], 32, 95) is None
    for name, side in (("a", 100), ("b", 300)):
        Image.effect_noise((side, side), 60).save(tmp_path / f"{name}.png")
    small, large = (mean_jpeg_bytes(sorted(tmp_path.iterdir()), size, 95) for size in (32, 64))
    again = tmp_path / "a.jpg"
    with Image.open(tmp_path / "a.png") as image:
        image.convert("RGB").resize((64, 64)).save(again, quality=95)
    assert small is not None and large is not None
    assert small < large < 2 * again.stat().st_size

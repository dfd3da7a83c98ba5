"""How many images are to be drawn, compared with what curation then asks for."""

from typing import Any

import numpy as np
import pytest

from caption_curation.curation.settings import Curation
from caption_curation.experiments.planning.bounds import at_most, exactly
from caption_curation.experiments.planning.images import asked_before_training, images_to_generate
from caption_curation.samples import CaptionedImage, Sample, SampleLoss
from tests.curated_training import CuratedTraining
from tests.experiments.planning.test_bounds import DEFAULTS, curation, details
from tests.experiments.planning.test_work import experiment

IMAGES = [
    CaptionedImage(str(i), f"{i}.jpg", tuple(f"caption {j} of {i}" for j in range(5)))
    for i in range(40)
]
NOTHING_KNOWN: dict[int, set[Any]] = {}


def identities(samples: list[Sample]) -> set[tuple[str, int]]:
    return {
        (sample.image_id, sample.replicate) for sample in samples if sample.replicate is not None
    }


def images_of_a_run(rule: Curation, epochs: int) -> int:
    """The images of a training whose losses are drawn at random."""
    rng = np.random.default_rng(1)
    training = CuratedTraining(IMAGES, rule, details=details())
    images: set[tuple[str, int]] = set()
    for epoch in range(1, epochs):
        values = rng.pareto(1, size=len(training.samples))
        losses = [
            SampleLoss(sample.sample_id, value, value, 1)
            for sample, value in zip(training.samples, values, strict=True)
        ]
        training.curate(epoch, losses)
        images |= identities(training.samples)
    return len(images)


@pytest.mark.parametrize("changes", [{"ratio": 0.4}, {"ratio": 0.05}, {"rule": "mean_std"}])
def test_the_bound_holds_for_a_run_that_nothing_is_known_of(changes: dict[str, Any]) -> None:
    rule = curation(**changes)
    bound = images_to_generate([False] * 4, NOTHING_KNOWN, None, rule, details(), 200)
    assert bound.least == 0
    assert 0 < images_of_a_run(rule, 4) <= bound.most
    if rule.rule == "top_fraction":
        assert images_of_a_run(rule, 4) == bound.most == 3 * int(rule.ratio * 200)


def test_what_is_known_counts_once_and_only_what_the_store_lacks() -> None:
    rule = curation(ratio=0.1)
    # Epoch 0 has its images; 1 and 2 ask for five, two of which are stored; of 3 nothing is known.
    asked = {0: {"z"}, 1: {"a", "b", "c"}, 2: {"b", "c", "d", "e"}}
    done = [True, False, False]
    assert images_to_generate(done, asked, {"a", "b"}, rule, details(), 200) == exactly(3)
    assert images_to_generate([*done, False], asked, {"a", "b"}, rule, details(), 200).least == 3
    assert (
        images_to_generate([*done, False], asked, {"a", "b"}, rule, details(), 200).most == 3 + 20
    )
    assert images_to_generate(done, asked, (), rule, details(), 200) == exactly(5)
    assert images_to_generate(done, asked, None, rule, details(), 200) == at_most(5)
    assert images_to_generate([True] * 3, asked, (), rule, details(), 200) == exactly(0)


@pytest.mark.parametrize("method", ["none", "remove", "replace_caption"])
def test_other_methods_draw_nothing(method: str) -> None:
    assert images_to_generate(
        [False] * 3, NOTHING_KNOWN, None, curation(method=method), details(), 9
    ) == exactly(0)


def test_the_static_schedule_is_known_before_training() -> None:
    static = DEFAULTS | {"schedule": "static"}
    asked = identities(asked_before_training(IMAGES, experiment(curation=static)) or [])
    assert len(asked) == 80  # two of each image's five captions
    assert images_to_generate(
        [False] * 3, {0: asked, 1: asked, 2: asked}, (), curation(**static), details(), 200
    ) == (exactly(80))
    # And of a corpus that is not here: at most one for each sample, once.
    unknown = images_to_generate(
        [False] * 3, NOTHING_KNOWN, None, curation(**static), details(), 200
    )
    assert unknown == at_most(200)
    assert asked_before_training(IMAGES, experiment()) == []
    by_file = experiment(curation=static | {"score": "file"})
    assert asked_before_training(IMAGES, by_file) is None

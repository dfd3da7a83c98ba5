"""What a study is priced at, against the same experiments played through with losses at random."""

from collections.abc import Hashable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from caption_curation.config.params import Params, load_params
from caption_curation.experiments.planning.bounds import Bounds, at_most, exactly
from caption_curation.experiments.planning.corpus_size import size_of
from caption_curation.experiments.planning.model_bytes import CAPTIONERS, DENOISERS
from caption_curation.experiments.planning.study_cost import (
    Speeds,
    speeds_here,
    study_text,
    with_corpora,
)
from caption_curation.experiments.planning.study_work import Amounts, Costed, amounts_of
from caption_curation.experiments.planning.work import TRAINING
from caption_curation.experiments.study import load_studies
from caption_curation.experiments.study_plan import plan
from caption_curation.samples import CaptionedImage, SampleLoss
from caption_curation.support.errors import InputError
from tests.commands.console import fail
from tests.conftest import REPOSITORY
from tests.curated_training import CuratedTraining

IMAGES = [
    CaptionedImage(str(number), f"{number}.jpg", tuple(f"{number} {word}" for word in "abcde"))
    for number in range(40)
]
CORPUS = size_of(IMAGES, 7, 9, "here")
EPOCHS = 3


def experiment(seed: int = 0, epochs: int = EPOCHS, **curation: Any) -> Costed:
    params = load_params(REPOSITORY)
    content = params.experiment.model_dump()
    content["seed"] = seed
    content["training"]["epochs"] = epochs
    content["curation"] |= {"score": "loss_sum", **curation}
    return Costed(Params.model_validate({**params.model_dump(), "experiment": content}), CORPUS)


class Played:
    """What experiments really train, score and draw; a training history is computed once."""

    def __init__(self, experiments: list[Costed]) -> None:
        self.pairs: dict[Hashable, int] = {}
        self.images: set[Hashable] = set()
        for each in experiments:
            self._play(each.params)

    def _play(self, params: Params) -> None:
        of = params.experiment
        training = CuratedTraining(
            IMAGES,
            of.curation,
            details=params.profile.curation,
            prompt_mode=of.prompt.mode,
            seed=of.seed,
        )
        training.curate(0)
        history: tuple[object, ...] = (of.seed,)
        for epoch in range(1, of.training.epochs + 1):
            samples = training.samples
            history = (*history, tuple(samples))
            self.pairs[history] = len(samples)
            self.images |= {
                (sample.image_id, sample.replicate)
                for sample in samples
                if sample.replicate is not None
            }
            if epoch < of.training.epochs:
                random = Random(repr(history))
                values = [random.gauss(5, 1) for _ in samples]
                losses = [
                    SampleLoss(sample.sample_id, value, value / 4, 4)
                    for sample, value in zip(samples, values, strict=True)
                ]
                training.curate(epoch, losses)


def check(experiments: list[Costed]) -> tuple[Amounts, Played]:
    amounts, played = amounts_of(experiments, []), Played(experiments)
    pairs, images = sum(played.pairs.values()), len(played.images)
    assert amounts.captioners == len(played.pairs)
    assert amounts.pairs.least <= pairs <= amounts.pairs.most
    assert amounts.images.least <= images <= amounts.images.most
    return amounts, played


def test_a_mixed_study_is_between_its_bounds() -> None:
    amounts, _ = check(
        [
            experiment(seed, **curation)
            for seed in (0, 1)
            for curation in (
                {"method": "none"},
                {"method": "remove", "ratio": 0.1},
                {"method": "remove", "rule": "mean_std"},
                {"method": "replace_caption", "ratio": 0.1},
                {"method": "replace_image", "ratio": 0.2},
                {"method": "replace_image", "ratio": 0.4},
                {"method": "replace_image", "ratio": 0.4, "schedule": "static"},
            )
        ]
    )
    # A seed: one first epoch for six, three of the static one, and two more of each of the six.
    assert amounts.captioners == 2 * (1 + 3 + 6 * 2)
    assert amounts.generators == 1
    # Validated: the base captioner and all others. Tested: the best of each experiment, which is
    # one captioner for the six of a seed if it is the first.
    tested = Bounds(9 * (2 + 2), 9 * 14)
    assert amounts.captions == exactly(7 * (1 + amounts.captioners)) + tested


def test_what_no_loss_decides_is_exact() -> None:
    static = [
        experiment(seed, method="replace_image", ratio=ratio, schedule="static")
        for seed in (0, 1)
        for ratio in (0.2, 0.5, 0.8)
    ]
    amounts, played = check(static)
    assert amounts.images == exactly(len(played.images))
    removed, played = check([experiment(method="remove", ratio=ratio) for ratio in (0.05, 0.1)])
    assert removed.pairs == exactly(sum(played.pairs.values()))
    alone, played = check([experiment(method="replace_image", ratio=0.3)])
    assert alone.images == exactly(len(played.images))


def test_what_has_finished_is_not_paid_for_again() -> None:
    none, image = experiment(method="none"), experiment(method="replace_image", ratio=0.2)
    amounts = amounts_of([image], [none])
    assert (amounts.captioners, amounts.generators) == (2, 0)
    assert amounts.pairs == exactly(2 * 200)
    # Other images of the generator may be the very ones.
    other = experiment(method="replace_image", ratio=0.4)
    assert amounts_of([other], [image]).images == at_most(160)
    # More epochs are those of fewer, and some.
    longer = amounts_of([experiment(method="none", epochs=4)], [none])
    assert (longer.captioners, longer.pairs) == (1, exactly(200))


def test_experiments_without_images_share_training_whatever_the_generator() -> None:
    plain = experiment(method="none")
    content = plain.params.model_dump()
    content["experiment"]["prompt"]["styler"] = "a photograph"
    content["profile"]["generator"]["fine_tuning"]["steps"] += 1
    other = Costed(Params.model_validate(content), CORPUS)
    amounts = amounts_of([plain, other], [])
    assert (amounts.captioners, amounts.generators) == (3, 2)


@pytest.mark.parametrize(
    ("file", "experiments", "samples"),
    [("flickr30k", 33, 145_000), ("coco", 25, 566_747), ("paper_demo", 25, 2_500)],
)
def test_every_group_of_the_paper_is_planned_and_priced(
    file: str, experiments: int, samples: int
) -> None:
    path = Path(REPOSITORY / "studies" / f"{file}.yaml")
    groups = [group.name for group in load_studies([path])[path].groups]
    assert groups == ["table_2", "figure_5", "figure_7", "figure_8", "few_shot"]
    assert len(plan(load_studies([path]), REPOSITORY)) == experiments
    for group in groups:
        planned = plan(load_studies([path], [group]), REPOSITORY)
        assert planned[0].variant.method == "none" and len(planned) >= 3
        text = study_text(
            with_corpora(each.params for each in planned), [], Speeds({TRAINING: 100.0}), 1e12
        )
        assert f"{len(planned)} experiments, 0 of them finished" in text
        assert f"{samples:,} training samples" in text
        assert "train the captioner" in text and "100.0" in text
    whole = plan(load_studies([path], ["table_2"]), REPOSITORY)
    assert all(each.experiment.curation.score == "loss_sum_smoothed" for each in whole)


def test_the_rows_of_table_2_are_the_papers() -> None:
    paths = [REPOSITORY / "studies" / f"{name}.yaml" for name in ("flickr30k", "coco")]
    planned = plan(load_studies(paths, ["table_2"]), REPOSITORY)
    rows = {
        (each.experiment.profile, each.variant.method, each.variant.rule, each.variant.amount)
        for each in planned
    }
    assert rows == {
        ("flickr30k", "none", None, None),
        ("flickr30k", "remove", "mean_std", 2.0),
        ("flickr30k", "replace_caption", "top_fraction", 0.01),
        ("flickr30k", "replace_image", "top_fraction", 0.4),
        ("coco", "none", None, None),
        ("coco", "remove", "top_fraction", 0.01),
        ("coco", "replace_caption", "top_fraction", 0.01),
        ("coco", "replace_image", "top_fraction", 0.1),
    }


def test_the_demo_has_the_grid_of_both_corpora() -> None:
    def variants(*names: str) -> set[Any]:
        files = [REPOSITORY / "studies" / f"{name}.yaml" for name in names]
        return {
            (group, each.variant)
            for each in plan(load_studies(files), REPOSITORY)
            for group in each.groups
        }

    both, demo = variants("flickr30k", "coco"), variants("paper_demo")
    few = {pair for pair in both if pair[0] == "few_shot"}
    assert both - few <= demo
    assert {variant.method for _, variant in few} == {
        variant.method for group, variant in demo if group == "few_shot"
    }


def test_only_the_workspace_can_be_measured() -> None:
    params = load_params(REPOSITORY)
    of_coco = plan(load_studies([REPOSITORY / "studies/coco.yaml"]), REPOSITORY)
    with pytest.raises(InputError, match=r"the study is of coco, and params\.yaml of demo"):
        speeds_here(params, [each.params for each in of_coco], {}, 4)
    known = speeds_here(params, [each.params for each in of_coco], {TRAINING: 2.0}, None)
    assert (known.per_second, known.unit) == ({TRAINING: 2.0}, "GPU-hours")
    assert known.captioner_bytes == pytest.approx(0.9e9, rel=0.01)
    assert "--groups: name the study too" in fail("plan", "--groups", "table_2")


def test_published_sizes_are_those_of_the_architectures() -> None:
    import torch
    from diffusers import UNet2DConditionModel
    from transformers import BlipConfig, BlipForConditionalGeneration

    config = BlipConfig(vision_config={"image_size": 384})
    config.text_config.vocab_size = 30_524
    with torch.device("meta"):
        captioner = BlipForConditionalGeneration(config)
        denoiser = UNet2DConditionModel(
            sample_size=64, cross_attention_dim=768, attention_head_dim=8
        )
    assert set(CAPTIONERS.values()) == {sum(each.numel() for each in captioner.parameters())}
    assert set(DENOISERS.values()) == {sum(each.numel() for each in denoiser.parameters())}
    for name in ("flickr30k", "coco"):
        profile = yaml.safe_load((REPOSITORY / f"profiles/{name}.yaml").read_text())
        assert profile["captioner"]["base"]["file"] in CAPTIONERS
        assert profile["generator"]["base"]["id"] in DENOISERS

"""Actions, schedules and the edit log, without the mistakes of the released code."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from caption_curation.curation.epoch import propose
from caption_curation.curation.settings import Curation, CurationDetails
from caption_curation.edits import (
    Edit,
    Proposal,
    apply_edits,
    read_edits,
    read_proposals,
    write_edits,
    write_proposals,
)
from caption_curation.samples import (
    CaptionedImage,
    Sample,
    SampleLoss,
    samples_of,
)
from tests.curated_training import DETAILS, CuratedTraining

IMAGES = [
    CaptionedImage(f"i{index}", f"i{index}.jpg", tuple(f"i{index} caption {k}" for k in range(5)))
    for index in range(20)
]
CAPTIONS = {image.image_id: image.captions for image in IMAGES}


def curation(**values: Any) -> Curation:
    defaults = {
        "method": "replace_image",
        "schedule": "dynamic",
        "score": "loss_mean",
        "rule": "top_fraction",
        "ratio": 0.4,
        "std": 2.0,
        "pair_with": "keep",
    }
    return Curation(**{**defaults, **values})


def losses_of(samples: list[Sample], seed: int = 0) -> list[SampleLoss]:
    """Arbitrary losses between 1 and 3 nats a token."""
    values = np.random.default_rng(seed).uniform(1, 3, len(samples))
    return [
        SampleLoss(sample.sample_id, 10 * value, value, 10)
        for sample, value in zip(samples, values.tolist(), strict=True)
    ]


def run_epochs(
    settings: Curation,
    images: list[CaptionedImage] = IMAGES,
    epochs: int = 3,
    seed: int = 0,
    prompt_mode: str = "concat",
    details: CurationDetails = DETAILS,
) -> tuple[list[Sample], list[Edit], list[list[SampleLoss]]]:
    """What training for some epochs would do, with arbitrary losses."""
    training = CuratedTraining(
        images, settings, details=details, prompt_mode=prompt_mode, seed=seed
    )
    training.curate(0)
    all_losses = []
    for epoch in range(1, epochs + 1):
        all_losses.append(losses_of(training.samples, epoch))
        training.curate(epoch, all_losses[-1])
    return training.samples, training.log, all_losses


def test_the_hardest_are_chosen_hardest_first() -> None:
    _, log, losses = run_epochs(curation(ratio=0.1), epochs=1)
    hardest = sorted(losses[0], key=lambda loss: -loss.loss_mean)[:10]
    assert [edit.sample_id for edit in log] == [loss.sample_id for loss in hardest]
    assert [edit.score for edit in log] == [loss.loss_mean for loss in hardest]


def test_none_changes_nothing() -> None:
    samples, log, _ = run_epochs(curation(method="none"))
    assert samples == samples_of(IMAGES)
    assert log == []


def test_remove_shrinks_by_the_ratio_of_what_is_left() -> None:
    samples, log, _ = run_epochs(curation(method="remove"), epochs=2)
    assert len(samples) == 100 - 40 - 24
    assert len(log) == 64
    assert not {sample.sample_id for sample in samples} & {edit.sample_id for edit in log}


@pytest.mark.parametrize("method", ["replace_image", "replace_caption"])
def test_the_training_set_keeps_its_size_and_order(method: str) -> None:
    samples, _, _ = run_epochs(curation(method=method))
    assert [sample.sample_id for sample in samples] == [
        sample.sample_id for sample in samples_of(IMAGES)
    ]


def test_edits_of_epoch_1_survive_epoch_2() -> None:
    after_one, log_one, _ = run_epochs(curation(ratio=0.2), epochs=1)
    after_two, log_two, _ = run_epochs(curation(ratio=0.2), epochs=2)
    again = {edit.sample_id for edit in log_two if edit.epoch == 2}
    edited = {edit.sample_id for edit in log_one}
    assert edited - again, "the test needs samples that are not chosen again"
    state = {sample.sample_id: sample for sample in after_two}
    for sample in after_one:
        if sample.sample_id in edited - again:
            assert state[sample.sample_id] == sample
            assert sample.replicate is not None


def test_synthetic_images_are_unique() -> None:
    _, log, _ = run_epochs(curation(ratio=0.8), epochs=4)
    images = [(edit.after.image_id, edit.after.replicate) for edit in log if edit.after]
    assert len(images) == len(set(images)) == 4 * 80
    for image_id in CAPTIONS:
        replicates = {replicate for name, replicate in images if name == image_id}
        assert replicates == set(range(len(replicates))), "numbered without gaps"


def test_with_single_prompts_each_caption_has_replicates_of_its_own() -> None:
    _, log, _ = run_epochs(curation(ratio=1.0), epochs=2, prompt_mode="single")
    assert Counter(edit.after.replicate for edit in log if edit.after) == {0: 100, 1: 100}


def test_with_the_other_captions_each_left_out_caption_has_replicates_of_its_own() -> None:
    # The first two samples leave out the same words, so that they share a prompt.
    images = [CaptionedImage("a", "a.jpg", ("x", "x", "y")), CaptionedImage("b", "b.jpg", ("z",))]
    _, log, _ = run_epochs(curation(ratio=1.0), images, epochs=2, prompt_mode="others")
    numbers: dict[str, list[int | None]] = {}
    for edit in log:
        if edit.before.image_id == "b":
            assert (edit.action, edit.after) == ("keep", edit.before)
            assert edit.reason == "the image has no other caption to generate from"
        else:
            assert edit.after is not None
            numbers.setdefault(edit.sample_id, []).append(edit.after.replicate)
    assert sorted(numbers["a#0"] + numbers["a#1"], key=str) == [0, 1, 2, 3]
    assert numbers["a#2"] == [0, 1]


def test_the_caption_left_out_is_the_original_one_whatever_the_image_is_paired_with() -> None:
    _, log, _ = run_epochs(curation(ratio=1.0, pair_with="easiest"), prompt_mode="others")
    originals = {sample.sample_id: sample.caption for sample in samples_of(IMAGES)}
    changed = [edit for edit in log if edit.before.caption != originals[edit.sample_id]]
    assert changed, "the test needs samples whose caption is another by now"
    assert {edit.epoch - 1 for edit in log} == {0, 1, 2}
    assert all(edit.after and edit.after.replicate == edit.epoch - 1 for edit in log)


def test_a_higher_ratio_asks_for_a_superset_of_the_images() -> None:
    def images(ratio: float) -> set[tuple[str, int | None]]:
        _, log, _ = run_epochs(curation(ratio=ratio), epochs=1)
        return {(edit.after.image_id, edit.after.replicate) for edit in log if edit.after}

    assert images(0.2) < images(0.4) < images(0.6)


def images_of(rng: np.random.Generator) -> list[CaptionedImage]:
    """Images of one to six captions, of which some images have one twice."""
    return [
        CaptionedImage(f"i{n}", f"i{n}.jpg", tuple(f"i{n} {k}" for k in rng.integers(7, size=size)))
        for n, size in enumerate(rng.integers(1, 7, size=12).tolist())
    ]


@pytest.mark.parametrize("schedule", ["dynamic", "static"])
def test_a_caption_that_was_chosen_is_never_given_again(schedule: str) -> None:
    given = kept = 0
    for trial in range(100):
        rng = np.random.default_rng(trial)
        images = images_of(rng)
        captions = {image.image_id: image.captions for image in images}
        settings = curation(
            method="replace_caption", schedule=schedule, ratio=float(rng.uniform(0.1, 0.7))
        )
        _, log, _ = run_epochs(settings, images, epochs=4, seed=trial)
        flagged: set[tuple[str, str]] = set()
        for epoch in range(5):
            edits = [edit for edit in log if edit.epoch == epoch]
            # Those later in the list count too: their captions are just as hard.
            flagged |= {(edit.before.image_id, edit.before.caption) for edit in edits}
            for edit in edits:
                assert edit.after is not None
                easy = {
                    caption
                    for caption in captions[edit.before.image_id]
                    if (edit.before.image_id, caption) not in flagged
                }
                assert (edit.action == "replace_caption") == bool(easy)
                if easy:
                    assert edit.after.caption in easy
                    given += 1
                else:
                    assert (edit.action, edit.after) == ("keep", edit.before)
                    assert edit.reason == "every caption of the image was chosen before"
                    kept += 1
    assert given > 500 and kept > 100


def test_an_easy_caption_is_given_as_often_as_it_is_needed() -> None:
    image = CaptionedImage("a", "a.jpg", ("easy", "b", "c", "d", "e"))
    samples = samples_of([image])
    losses = [
        SampleLoss(sample.sample_id, loss, loss, 1)
        for sample, loss in zip(samples, (1.0, 5.0, 4.0, 3.0, 2.0), strict=True)
    ]
    edits = propose(
        samples,
        losses,
        epoch=1,
        curation=curation(method="replace_caption", ratio=0.8),
        details=DETAILS,
        prompt_mode="concat",
        captions={"a": image.captions},
        uses={},
        given={},
        seed=0,
    )
    assert [edit.before.caption for edit in edits] == ["b", "c", "d", "e"]
    assert [edit.after.caption for edit in edits if edit.after] == ["easy"] * 4


def test_all_easy_captions_are_drawn_alike() -> None:
    images = [
        CaptionedImage(f"i{n}", f"i{n}.jpg", ("long " * 9, "x", "y", "y", "z")) for n in range(900)
    ]
    samples = samples_of(images)
    losses = [
        SampleLoss(sample.sample_id, len(sample.caption), len(sample.caption), 1)
        for sample in samples
    ]
    edits = propose(
        samples,
        losses,
        epoch=1,
        curation=curation(method="replace_caption", ratio=0.2),
        details=DETAILS,
        prompt_mode="concat",
        captions={image.image_id: image.captions for image in images},
        uses={},
        given={},
        seed=0,
    )
    drawn = Counter(edit.after.caption for edit in edits if edit.after)
    # By text: "y" is one caption, though the image has it twice. Four deviations of a third.
    assert set(drawn) == {"x", "y", "z"}
    assert all(abs(count - 300) < 4 * (900 * 2 / 9) ** 0.5 for count in drawn.values())


def test_an_image_with_one_caption_is_kept_and_said() -> None:
    images = [CaptionedImage("a", "a.jpg", ("only one",)), CaptionedImage("b", "b.jpg", ("x", "y"))]
    samples, log, _ = run_epochs(curation(method="replace_caption", ratio=1.0), images, epochs=1)
    assert [edit.action for edit in log if edit.before.image_id == "a"] == ["keep"]
    assert samples[0].caption == "only one"


@pytest.mark.parametrize("pair_with", ["easiest", "random_easier"])
def test_a_synthetic_image_goes_with_an_easier_caption(pair_with: str) -> None:
    _, log, losses = run_epochs(curation(ratio=1.0, pair_with=pair_with), epochs=1)
    loss_of = {loss.sample_id: loss.loss_mean for loss in losses[0]}
    for edit in log:
        assert edit.after is not None
        siblings = {f"{edit.before.image_id}#{k}" for k in range(5)}
        easiest = min(siblings, key=lambda name: loss_of[name])
        paired = f"{edit.before.image_id}#{edit.after.caption[-1]}"
        if edit.sample_id == easiest:
            assert edit.after.caption == edit.before.caption
        elif pair_with == "easiest":
            assert paired == easiest
        else:
            assert loss_of[paired] < loss_of[edit.sample_id]


def test_an_easier_caption_is_one_of_so_many_that_are_the_easiest() -> None:
    settings = curation(ratio=1.0, pair_with="random_easier")
    details = CurationDetails(rounding="floor", easier_captions=3)
    paired, own = Counter[int](), Counter[bool]()
    for seed in range(40):
        _, log, losses = run_epochs(settings, epochs=1, seed=seed, details=details)
        loss_of = {loss.sample_id: loss.loss_mean for loss in losses[0]}
        for edit in log:
            assert edit.after is not None
            captions = CAPTIONS[edit.before.image_id]
            by_loss = sorted(range(5), key=lambda k: loss_of[f"{edit.before.image_id}#{k}"])
            rank = by_loss.index(captions.index(edit.after.caption))
            paired[rank] += 1
            if edit.before.caption == captions[by_loss[0]]:
                own[edit.after.caption == edit.before.caption] += 1
    # 4,000 draws, of which a third each; the easiest's own caption is one of its three.
    assert set(paired) == {0, 1, 2}
    assert all(abs(count - 4000 / 3) < 4 * (4000 * 2 / 9) ** 0.5 for count in paired.values())
    assert abs(own[True] - 800 / 3) < 4 * (800 * 2 / 9) ** 0.5


def test_captions_are_counted_once_among_the_easiest() -> None:
    image = CaptionedImage("a", "a.jpg", ("x", "x", "y", "hard"))
    samples = samples_of([image])
    losses = [SampleLoss(f"a#{k}", loss, loss, 1) for k, loss in enumerate((1.0, 2.0, 3.0, 9.0))]
    drawn = {
        propose(
            samples,
            losses,
            epoch=1,
            curation=curation(ratio=0.25, pair_with="random_easier"),
            details=CurationDetails(rounding="floor", easier_captions=2),
            prompt_mode="concat",
            captions={"a": image.captions},
            uses={},
            given={},
            seed=seed,
        )[0].after
        for seed in range(20)
    }
    assert {after.caption for after in drawn if after} == {"x", "y"}


def test_the_static_schedule_edits_before_training_only() -> None:
    _, log, _ = run_epochs(curation(schedule="static", ratio=0.4))
    assert {edit.epoch for edit in log} == {0}
    assert Counter(edit.before.image_id for edit in log) == dict.fromkeys(CAPTIONS, 2)
    images = {(edit.after.image_id, edit.after.replicate) for edit in log if edit.after}
    assert len(images) == 40


def test_one_seed_gives_the_same_edits_and_another_gives_others() -> None:
    settings = curation(method="replace_caption", score="random")
    assert run_epochs(settings)[1] == run_epochs(settings)[1]
    assert run_epochs(settings, seed=1)[1] != run_epochs(settings)[1]


def test_a_log_replays_from_its_file(tmp_path: Path) -> None:
    for method in ("replace_image", "replace_caption", "remove"):
        samples, log, _ = run_epochs(curation(method=method))
        files = [tmp_path / f"edits-{epoch}.jsonl" for epoch in range(4)]
        for epoch, file in enumerate(files):
            write_edits(file, [edit for edit in log if edit.epoch == epoch])
        assert read_edits(*files) == log
        assert apply_edits(samples_of(IMAGES), read_edits(*files)) == samples


def test_a_log_of_another_training_set_is_refused() -> None:
    _, log, _ = run_epochs(curation(), epochs=2)
    with pytest.raises(ValueError, match="expects"):
        apply_edits(samples_of(IMAGES), log[40:])


def test_losses_of_other_samples_are_refused() -> None:
    samples = samples_of(IMAGES)
    with pytest.raises(ValueError, match="losses of epoch 1"):
        propose(
            samples,
            losses_of(samples)[::-1],
            epoch=1,
            curation=curation(),
            details=DETAILS,
            prompt_mode="concat",
            captions=CAPTIONS,
            uses={},
            given={},
            seed=0,
        )


def test_lines_with_exotic_separators_survive(tmp_path: Path) -> None:
    sample = Sample("a#0", "a", "a.jpg", "one\u2028two\u0085three\x0cfour")
    write_proposals(tmp_path / "log.jsonl", [Proposal("remove", sample, None, {"score": 0.5})])
    assert read_proposals(tmp_path / "log.jsonl")[0].before == sample

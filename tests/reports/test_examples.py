"""Which examples the report shows, and that their losses are those of the right epochs."""

import numpy as np
import pytest

from caption_curation.edits import Edit
from caption_curation.reports.run.examples import (
    SyntheticImage,
    caption_examples,
    edit_examples,
    loss_change,
    word_overlap,
)
from caption_curation.samples import CaptionedImage, Sample
from tests.small_run import TEST, TRAIN, accepted, edits_of


def edits(
    epoch: int, count: int, action: str = "replace_caption", *, by_score: bool = True
) -> list[Edit]:
    return [
        accepted(action, sample, sample, epoch, float(-index) if by_score else None)
        for index in range(count)
        for sample in [Sample(f"{index}#0", str(index), "x.jpg", "a caption")]
    ]


def test_the_hardest_come_first_and_the_rest_by_chance_that_is_passed_in() -> None:
    def shown(epoch: int, seed: int, by_score: bool = True) -> list[str]:
        rng = np.random.default_rng(seed)
        log = edits(epoch, 50, by_score=by_score)
        examples = edit_examples(log, {}, {}, per_epoch=6, rng=rng)
        return [example.edit.sample_id for example in examples]

    assert shown(1, 0)[:3] == ["0#0", "1#0", "2#0"]
    assert len(set(shown(1, 0))) == 6
    assert shown(1, 0) == shown(1, 0) != shown(1, 1)
    # Without a score there is no hardest; before training there may be one.
    assert shown(0, 0, by_score=False)[:3] != ["0#0", "1#0", "2#0"]
    assert shown(0, 0)[:3] == ["0#0", "1#0", "2#0"]


def test_kept_samples_and_edits_without_an_image_at_hand_are_not_shown() -> None:
    log = [*edits(1, 2, "keep"), *edits_of("replace_image", 2, TRAIN)]
    image = SyntheticImage("k.jpg", "p")

    [shown] = edit_examples(
        log, {("c#1", 1): image}, {"c#1": 2.6}, per_epoch=6, rng=np.random.default_rng(0)
    )
    assert (shown.edit.sample_id, shown.loss_before, shown.synthetic) == ("c#1", 2.6, image)


def test_loss_changes_compare_the_same_samples() -> None:
    before = {"a": 4.0, "b": 2.0, "c": 1.0, "d": 3.0}
    after = {"a": 1.0, "c": 0.5, "d": 1.5}  # b was chosen, and removed

    change = loss_change(1, {"a", "b"}, before, after)
    assert (change.epoch, change.chosen, change.others) == (1, (4.0, 1.0), (2.0, 1.0))
    assert loss_change(1, {"a", "c", "d"}, before, after).others is None


def test_overlap_is_that_with_the_closest_reference() -> None:
    # Three of four and three of three words: 2 · 3 / (4 + 3).
    assert word_overlap("A red ring.", ["one red circle", "a red ring left"]) == pytest.approx(
        6 / 7
    )
    assert word_overlap("a a a", ["a b c"]) == pytest.approx(2 / 6)
    assert word_overlap("", ["a b"]) == 0.0


def test_captions_are_drawn_by_chance_and_the_others_ranked() -> None:
    images = [CaptionedImage(str(i), f"{i}.jpg", ("one two three four",)) for i in range(9)]
    words = ["one", "two", "three", "four"]
    captions = {str(i): " ".join(words[: i % 5]) for i in range(9)}

    groups = caption_examples(images, captions, any_of=3, extremes=2, rng=np.random.default_rng(0))
    ids = [example.image.image_id for group in groups.values() for example in group]
    assert [len(group) for group in groups.values()] == [3, 2, 2]
    assert len(set(ids)) == 7
    overlaps = {name: [example.overlap for example in group] for name, group in groups.items()}
    assert min(overlaps["closest"]) >= max(overlaps["furthest"])
    assert overlaps["furthest"] == sorted(overlaps["furthest"])


def test_a_small_test_split_is_shown_whole() -> None:
    captions = {image.image_id: "a" for image in TEST}
    groups = caption_examples(TEST, captions, any_of=6, extremes=3, rng=np.random.default_rng(0))

    assert [len(group) for group in groups.values()] == [2, 0, 0]

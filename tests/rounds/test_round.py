"""A round in Python: what it takes, what it gives, and what it refuses."""

import re

import pytest

from caption_curation import Edit, Sample, SampleLoss, apply_edits, curate
from caption_curation.support.errors import InputError
from tests.conftest import REPOSITORY

SAMPLES = [
    Sample(name, image, f"{image}.jpg", caption)
    for name, image, caption in (
        ("one", "dog", "a dog"),
        ("two", "dog", "a brown dog"),
        ("three", "cat", "a cat"),
        ("four", "cat", "two cats"),
        ("five", "cat", "nothing"),
    )
]
NUMBERS = [0.5, 4.0, 1.0, 2.0, 3.0]
BY_ID = {sample.sample_id: loss for sample, loss in zip(SAMPLES, NUMBERS, strict=True)}


def ids(edits: list[Edit]) -> list[str]:
    return [edit.sample_id for edit in edits]


def test_losses_may_come_by_id_in_order_or_as_the_pipeline_has_them() -> None:
    pipelines = [SampleLoss(name, loss, loss, 1) for name, loss in reversed(BY_ID.items())]
    for losses in (BY_ID, NUMBERS, pipelines):
        edits = curate(SAMPLES, losses, method="remove", rule="top_fraction", ratio=0.4)
        assert ids(edits) == ["two", "five"]
        assert [edit.score for edit in edits] == [4.0, 3.0]
        left = apply_edits(SAMPLES, edits)
        assert [sample.sample_id for sample in left] == ["one", "three", "four"]


def test_what_was_used_up_stays_used_up() -> None:
    first = curate(SAMPLES, BY_ID, method="replace_caption", rule="top_fraction", ratio=0.2)
    assert [(edit.before.caption, edit.after and edit.after.caption) for edit in first] == [
        ("a brown dog", "a dog")
    ]
    again = curate(
        SAMPLES,
        BY_ID,
        method="replace_caption",
        rule="top_fraction",
        ratio=0.2,
        epoch=2,
        earlier=first,
    )
    assert [(edit.sample_id, edit.action) for edit in again] == [("two", "keep")]
    assert again[0].before.caption == "a dog"


@pytest.mark.parametrize("mode", ["concat", "single", "others"])
def test_images_are_numbered_on_and_wait_until_they_are_drawn(mode: str) -> None:
    how = {"method": "replace_image", "rule": "top_fraction", "ratio": 0.4, "prompt_mode": mode}
    waiting = curate(SAMPLES, BY_ID, **how)  # type: ignore[arg-type]
    assert ids(waiting) == ["two", "five"]
    assert not any(edit.accepted for edit in waiting)
    assert apply_edits(SAMPLES, waiting) == SAMPLES
    edits = curate(SAMPLES, BY_ID, drawn={"two": "new/two.png"}, **how)  # type: ignore[arg-type]
    assert [edit.accepted for edit in edits] == [True, False]
    assert apply_edits(SAMPLES, edits)[1] == Sample("two", "dog", "new/two.png", "a brown dog", 0)
    later = curate(SAMPLES, BY_ID, epoch=2, earlier=edits, **how)  # type: ignore[arg-type]
    numbers = [edit.after and edit.after.replicate for edit in later]
    assert numbers == [1, 1]


def test_before_training_a_part_of_each_image_is_drawn() -> None:
    edits = curate(SAMPLES, None, method="remove", rule="top_fraction", ratio=0.5, epoch=0)
    images = [edit.before.image_id for edit in edits]
    assert images.count("dog") == 1
    assert {edit.score for edit in edits} == {None}
    chosen = curate(SAMPLES, BY_ID, method="remove", rule="top_fraction", ratio=0.5, epoch=0)
    assert ids(chosen) == ["two", "five"]


def test_every_fault_is_told() -> None:
    with pytest.raises(InputError) as refused:
        curate(
            SAMPLES,
            None,
            method="forget",
            rule="top_fraction",
            std=1.0,
            rounding="up",
            pair_with="nobody",
        )
    message = str(refused.value)
    for fault in (
        "epoch 1 needs losses",
        "rule top_fraction needs ratio",
        "std = 1.0: nothing reads it",
        "method = 'forget'",
        "rounding = 'up'",
        "pair_with = 'nobody'",
    ):
        assert fault in message

    with pytest.raises(InputError) as refused:
        losses = {"one": 1.0, "two": float("nan"), "three": 2.0, "five": 1.0, "six": 1.0}
        curate(SAMPLES, losses, method="remove", rule="top_fraction", ratio=0.4)
    assert re.findall("sample .*", str(refused.value)) == [
        'sample "six"',
        'sample "two" must be a finite number, not nan',
        'sample "four"',
    ]

    doubled = [*SAMPLES, SAMPLES[0], Sample("x", "x", None, "not drawn")]
    with pytest.raises(InputError, match=r'(?s)sample "x" has no file.*"one" is there twice'):
        curate(doubled, [1.0] * 7, method="remove", rule="top_fraction", ratio=0.4)
    with pytest.raises(InputError, match="2 losses, but 5 samples"):
        curate(SAMPLES, [1.0, 2.0], method="remove", rule="top_fraction", ratio=0.4)
    edits = curate(SAMPLES, BY_ID, method="remove", rule="top_fraction", ratio=0.4, epoch=2)
    with pytest.raises(InputError, match="round 1 cannot follow on edits of round 2"):
        curate(SAMPLES, BY_ID, method="remove", rule="top_fraction", ratio=0.4, earlier=edits)


def test_the_documented_example() -> None:
    """Its very words; the comments say what is printed."""
    text = (REPOSITORY / "docs/reference/api.md").read_text(encoding="utf-8")
    example = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[0]
    names: dict[str, object] = {}
    exec(example, names)
    curated = names["curated"]
    assert curated == [
        Sample("1#0", "1", "1.jpg", "a dog runs on a beach"),
        Sample("1#1", "1", "1.jpg", "a dog runs on a beach"),
        Sample("2#0", "2", "2.jpg", "a red bus"),
        Sample("2#1", "2", "2.jpg", "a bus in the rain"),
    ]
    lines = [line for line in example.splitlines() if line.strip()]
    assert len(lines) <= 12

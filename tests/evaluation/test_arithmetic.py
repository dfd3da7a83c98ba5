"""Which results were computed in which arithmetic, and how it is told."""

import pytest

from caption_curation.evaluation.arithmetic import (
    KINDS,
    Results,
    agree,
    by_kind,
    describe_run,
    describe_runs,
    part_of_file,
    results_of_run,
    unknown_classes,
)

HERE, ELSEWHERE = "aaaa00000000", "bbbb00000000"


def results(here: str = HERE, images: str | None = None) -> dict[tuple[str, int | None], list[str]]:
    """Those of a run of two epochs, which drew images of a class after the first, or none."""
    epochs = {
        part: {"1": [here], "2": [here]} for part in ("captioner", "losses", "validation")
    } | {"synthetic": {"0": [], "1": [images] if images else []}}
    return results_of_run(epochs, {"generator": [here], "test_captions": [here]})


def test_a_run_of_one_class_has_nothing_to_tell() -> None:
    assert describe_run(results(images=HERE)) == []


def test_results_of_a_run_are_named_by_their_class() -> None:
    mixed = results(images=HERE) | {("captioner", 2): [ELSEWHERE], ("losses", 2): [ELSEWHERE]}
    assert describe_run(mixed) == [
        f"{HERE}: generator; images, captioner and losses of epoch 1; validation captions of "
        "epochs 1, 2; test captions",
        f"{ELSEWHERE}: captioner and losses of epoch 2",
    ]


def test_images_of_two_machines_are_told_in_one_line() -> None:
    mixed = results(images=HERE) | {("synthetic", 1): ["unknown", HERE]}
    assert describe_run(mixed)[1] == f"{HERE} and no recorded class: images of epoch 1"


@pytest.mark.parametrize("part", ["generator", "base_generator", "sbert_captions"])
def test_a_generator_matters_only_to_a_run_that_drew_images(part: str) -> None:
    made: dict[tuple[str, int | None], list[str]] = {(part, None): [ELSEWHERE]}
    without: Results = {**results(), **made}
    drawn: Results = {**results(images=HERE), **made}
    assert describe_run(without) == []
    assert describe_run(drawn) != []
    assert agree(by_kind(results()), by_kind(without))
    assert not agree(by_kind(results(images=HERE)), by_kind(drawn))


def test_what_no_model_made_agrees_with_everything() -> None:
    without, drawn = by_kind(results()), by_kind(results(images=HERE))
    assert agree(without, drawn)
    assert agree(drawn, by_kind(results() | {("clip_scores", None): []}))
    # The images alone are of another class.
    assert agree(without, by_kind(results(images=ELSEWHERE)))
    assert not agree(drawn, by_kind(results(images=ELSEWHERE)))


def test_one_epoch_of_another_class_is_other_arithmetic() -> None:
    partly = by_kind(results() | {("captioner", 2): [ELSEWHERE]})
    assert not agree(partly, by_kind(results()))
    assert not agree(partly, by_kind(results(ELSEWHERE)))
    assert agree(partly, partly)


def test_unknown_classes_are_a_class_of_their_own_beside_known_ones() -> None:
    before = unknown_classes(draws_images=False)
    assert agree(before, unknown_classes(draws_images=True))
    assert not agree(before, by_kind(results()))
    assert describe_runs({"old": before, "older": before}) == []
    assert describe_runs({"old": before, "new": by_kind(results())})[0].endswith(
        f"no recorded class in old; {HERE} in new"
    )


def test_runs_are_named_by_what_is_other_in_them() -> None:
    runs = {f"none-{seed}": by_kind(results()) for seed in range(6)}
    assert describe_runs(runs) == []
    runs["remove"] = by_kind(results(ELSEWHERE))
    runs["replace"] = by_kind(results(images=HERE))
    runs["shared"] = by_kind(results(images=ELSEWHERE))
    assert describe_runs(runs) == [
        f"images: {HERE} in replace; {ELSEWHERE} in shared",
        f"captioner, losses and captions: {HERE} in 8 experiments; {ELSEWHERE} in remove",
    ]


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("data/epochs/12/captioner.class.json", ("captioner", 12)),
        ("data/epochs/0/synthetic.class.json", ("synthetic", 0)),
        ("data/generator.class.json", ("generator", None)),
        ("data/clip/features.class.json", ("features", None)),
        ("reports/clip_scores.class.json", ("clip_scores", None)),
        ("data/epochs/1/captioner", None),
        ("data/epochs/1/history", None),
        ("data/round_trip/classes/captions/real.class.json", None),
        ("data/round_trip/sbert_captions.class.json", None),
    ],
)
def test_the_name_of_a_class_file_says_what_it_is_of(
    path: str, part: tuple[str, int | None] | None
) -> None:
    found = part_of_file(path)
    assert found == part


def test_every_kind_has_classes() -> None:
    assert set(by_kind({})) == set(unknown_classes(draws_images=True)) == set(KINDS)

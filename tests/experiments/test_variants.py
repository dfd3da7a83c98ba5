"""Which experiments are the same, which may be compared, and which make the table of methods."""

import pytest

from caption_curation.experiments.comparability import largest_comparable, without_duplicates
from caption_curation.experiments.given import Given
from caption_curation.experiments.variants import (
    Variant,
    amount_lines,
    methods_at_common_setting,
    mismatched_control,
    ordered,
    random_control,
    representatives,
    variant_of,
)
from tests.experiments.records import curation, experiment

NONE = Variant("none")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"method": "none"}, {"method": "none", "ratio": 0.1, "score": "random"}),
        ({"method": "remove"}, {"method": "remove", "std": 1.0}),
        ({"method": "remove"}, {"method": "remove", "pair_with": "easiest"}),
        (
            {"method": "remove", "rule": "mean_std"},
            {"method": "remove", "rule": "mean_std", "ratio": 0.1},
        ),
        (
            {"method": "remove", "schedule": "static"},
            {"method": "remove", "schedule": "static", "score": "loss_sum", "rule": "mean_std"},
        ),
    ],
)
def test_parameters_without_effect_make_no_variant(
    one: dict[str, object], other: dict[str, object]
) -> None:
    assert variant_of(curation(**one)) == variant_of(curation(**other))


@pytest.mark.parametrize(
    "change",
    [
        {"ratio": 0.2},
        {"score": "random"},
        {"schedule": "static"},
        {"rule": "mean_std"},
        {"rule": "mean_std", "std": 1.0},
        {"pair_with": "easiest"},
        {"method": "remove"},
    ],
)
def test_parameters_with_an_effect_do(change: dict[str, object]) -> None:
    base = {"method": "replace_image"}
    variants = {variant_of(curation(**base)), variant_of(curation(**{**base, **change}))}
    assert len(variants) == len({variant.slug for variant in variants}) == 2
    assert len({variant.label for variant in variants}) == 2


def test_what_was_given_makes_a_variant_where_it_has_an_effect() -> None:
    chosen, scored = curation(method="remove"), curation(method="remove", score="file")
    first, second = Given({0: "a" * 32, 1: "b" * 32}), Given({0: "a" * 32, 1: "c" * 32})
    decided = Given(decisions="d" * 32)
    assert variant_of(chosen, first) == variant_of(chosen)  # which reads no scores
    assert variant_of(scored, first) != variant_of(scored, second)
    before = curation(method="remove", score="file", schedule="static")  # reads those of epoch 0
    assert variant_of(before, first) == variant_of(before, second)
    assert variant_of(before, first).scores is not None
    for settings in (chosen, curation(method="remove", schedule="static")):
        variant = variant_of(settings, decided)
        assert variant.decisions == "dddddddd"
        assert variant.label == f"{variant_of(settings).label}, decisions dddddddd"
    assert variant_of(curation(method="none"), decided) == NONE
    names = {variant_of(scored, given).slug for given in (first, second, decided)}
    assert len(names) == 3


def test_what_was_given_belongs_to_the_setting_of_methods_and_their_controls() -> None:
    given, decided = Given({1: "b" * 32}), Given(decisions="d" * 32)
    scored = variant_of(curation(method="remove", score="file"), given)
    at_random = variant_of(curation(method="remove", score="random"), given)
    assert random_control(scored) == at_random
    assert at_random.scores is None
    with_decisions = [
        variant_of(curation(method=method), decided) for method in ("remove", "replace_image")
    ]
    without = variant_of(curation(method="remove"))
    assert methods_at_common_setting([NONE, without, *with_decisions]) == [NONE, *with_decisions]
    assert methods_at_common_setting([scored, at_random]) == [at_random, scored]


def test_a_static_choice_by_a_score_that_is_given_is_none_at_random() -> None:
    given = {"method": "remove", "schedule": "static", "score": "file"}
    fifth, tenth = (variant_of(curation(**given, ratio=ratio)) for ratio in (0.2, 0.1))
    outliers = variant_of(curation(**given, rule="mean_std", std=1.5))
    at_random = variant_of(curation(method="remove", schedule="static", ratio=0.2))
    dynamic = variant_of(curation(method="remove", score="file", ratio=0.2))
    variants = [fifth, tenth, outliers, at_random, dynamic]

    assert [variant.choice_label for variant in variants] == [
        "static, score from a file, top 20 %",
        "static, score from a file, top 10 %",
        "static, score from a file, mean + 1.5 std",
        "static, 20 %",
        "score from a file, top 20 %",
    ]
    assert fifth.slug == "remove-static-file-top0.2"
    assert len({variant.slug for variant in variants}) == len(ordered(variants)) == 5
    # Its control would be uniform; what is drawn before training is the same of every image.
    assert random_control(fifth) is None
    assert mismatched_control(fifth, variants) is None
    lines = amount_lines(variants)
    assert list(lines.values()) == [[tenth, fifth, outliers]]


def test_a_control_curates_as_many_samples() -> None:
    chosen = variant_of(curation(method="remove", ratio=0.2))
    assert random_control(chosen) == variant_of(
        curation(method="remove", ratio=0.2, score="random")
    )
    outliers = curation(method="remove", rule="mean_std")
    at_random = curation(method="remove", rule="mean_std", score="random")
    assert random_control(variant_of(outliers)) == variant_of(at_random)
    # That control counts what the mean loss has outliers of, which the summed loss has more or
    # fewer of.
    by_sum = curation(method="remove", rule="mean_std", score="loss_sum")
    assert random_control(variant_of(by_sum)) is None
    by_sum = curation(method="remove", score="loss_sum")
    assert random_control(variant_of(by_sum)) == variant_of(
        curation(method="remove", score="random")
    )
    assert random_control(NONE) is None
    assert random_control(variant_of(curation(method="remove", schedule="static"))) is None
    assert random_control(variant_of(curation(method="remove", score="random"))) is None


def test_methods_are_compared_at_the_setting_that_most_of_them_share() -> None:
    at_40 = [
        variant_of(curation(method=method, score=score))
        for method in ("remove", "replace_image")
        for score in ("loss_mean", "random")
    ]
    # More runs, but of one method alone.
    sweep = [variant_of(curation(method="replace_image", ratio=0.2))] * 9
    found = methods_at_common_setting([*sweep, *at_40, NONE])

    assert set(found) == {NONE, *at_40}
    assert found == ordered(found)
    assert [variant.method for variant in found] == [
        "none",
        *["remove"] * 2,
        *["replace_image"] * 2,
    ]
    assert methods_at_common_setting([NONE]) == [NONE]
    only_control = at_40[1]
    assert methods_at_common_setting([only_control]) == [only_control]


def test_lines_join_what_differs_in_amount_alone() -> None:
    dynamic = [variant_of(curation(method="replace_image", ratio=ratio)) for ratio in (0.8, 0.2)]
    outliers = variant_of(curation(method="replace_image", rule="mean_std"))
    static = variant_of(curation(method="replace_image", ratio=0.2, schedule="static"))
    alone = variant_of(curation(method="remove", rule="mean_std"))
    lines = amount_lines([NONE, outliers, *dynamic, static, alone])

    assert list(lines.values()) == [[*reversed(dynamic), outliers]]


def test_a_method_is_represented_by_the_variant_of_most_runs_then_by_the_first() -> None:
    fifth, tenth, random = (
        variant_of(curation(method="remove", **changes))
        for changes in ({"ratio": 0.2}, {"ratio": 0.1}, {"score": "random"})
    )
    shown = [random, fifth, NONE, tenth]

    once = {NONE: 1, random: 3, fifth: 1, tenth: 1}
    assert representatives(shown, once) == [NONE, fifth]
    assert representatives(shown, {**once, tenth: 2}) == [NONE, tenth]


def test_only_the_largest_comparable_group_is_used() -> None:
    same = [experiment("a"), experiment("b", seed=1, method="remove")]
    others = [
        experiment("longer", setting={"params.yaml: training.epochs": 5}),
        experiment("code", setting={"src/caption_curation/captioner/model/blip.py": "0ther"}),
        experiment("data", setting={"data/corpus": "0ther", "profiles/demo.yaml: data.seed": 2}),
    ]
    used, left_out = largest_comparable([*others, *same])

    assert used == same
    reasons = {omitted.name: omitted.reason for omitted in left_out}
    assert "training.epochs = 5 instead of 3" in reasons["longer"]
    assert "another src/caption_curation/captioner/model/blip.py" in reasons["code"]
    # The seed explains why the corpus is another.
    assert "data.seed = 2 instead of 1" in reasons["data"]
    assert "data/corpus" not in reasons["data"]


def test_a_number_is_the_same_however_it_is_written() -> None:
    guidance = "params.yaml: synthesis.guidance"
    written = [
        experiment(name, setting={guidance: value}) for name, value in (("a", 2), ("b", 2.0))
    ]
    assert largest_comparable(written) == (written, [])


def test_another_profile_is_named_as_such() -> None:
    other = experiment("other")
    setting = {key.replace("demo", "tiny"): value for key, value in other.setting.items()}
    object.__setattr__(other, "setting", setting)
    _, left_out = largest_comparable([experiment("a"), experiment("b"), other])

    reason = "not comparable: profiles/tiny.yaml instead of profiles/demo.yaml"
    assert [(omitted.name, omitted.reason) for omitted in left_out] == [("other", reason)]


def test_experiments_of_other_decisions_repeat_nothing() -> None:
    settings = curation(method="remove")
    pairs = [
        (experiment(name, method="remove", result=name, given=Given(decisions=digest)), settings)
        for name, digest in (("a", "1" * 32), ("b", "2" * 32), ("c", "2" * 32))
    ]
    kept, left_out = without_duplicates(pairs)
    assert [one.name for one, _ in kept] == ["a", "b"]
    assert [(one.name, one.reason.partition(",")[0]) for one in left_out] == [
        ("c", "the same experiment as b")
    ]


def test_a_repeated_experiment_counts_once() -> None:
    pairs = [
        (experiment("first"), curation()),
        (experiment("again", result="0ther"), curation()),
        (experiment("seed", seed=1), curation()),
        (experiment("HEAD", ratio=0.1), curation(ratio=0.1)),  # none: the ratio has no effect
    ]
    kept, left_out = without_duplicates(pairs)

    assert [run.name for run, _ in kept] == ["first", "seed"]
    reasons = {omitted.name: omitted.reason for omitted in left_out}
    assert reasons["HEAD"] == "the same experiment as first, with the same results"
    assert reasons["again"] == "the same experiment as first, BUT WITH OTHER RESULTS"


def test_what_shows_no_image_of_a_generator_counts_once_for_all() -> None:
    pairs = [
        (
            experiment(f"{method}-{seed}", generator_seed=seed, method=method),
            curation(method=method),
        )
        for method in ("none", "remove", "replace_image")
        for seed in (0, 1)
    ]
    kept, left_out = without_duplicates(pairs)

    names = ["none-0", "remove-0", "replace_image-0", "replace_image-1"]
    assert [run.name for run, _ in kept] == names
    assert [omitted.name for omitted in left_out] == ["none-1", "remove-1"]

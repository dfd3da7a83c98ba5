"""Precision and recall of the selection against planted noise, counted by hand."""

from dataclasses import replace

from caption_curation.audit.selection import audit_selection, planted_noise, training_sets
from caption_curation.samples import samples_of
from tests.small_run import NOISE, TRAIN, edits_of


def test_noise_stays_until_what_is_wrong_has_gone() -> None:
    noise = planted_noise(NOISE, TRAIN)
    samples = {sample.sample_id: sample for sample in samples_of(TRAIN)}

    assert noise.kinds(samples["a#0"]) == set()
    assert noise.kinds(samples["b#1"]) == {"wrong_caption"}
    assert noise.kinds(samples["c#0"]) == {"mismatched_image"}
    repaired_caption = replace(samples["b#1"], caption=samples["b#0"].caption)
    assert noise.kinds(repaired_caption) == set()
    assert noise.kinds(replace(samples["b#1"], replicate=0)) == {"wrong_caption"}
    spread = replace(samples["b#0"], caption=samples["b#1"].caption)
    assert noise.kinds(spread) == {"wrong_caption"}
    assert noise.kinds(replace(samples["c#0"], replicate=0)) == set()
    other_caption = replace(samples["c#0"], caption=samples["c#1"].caption)
    assert noise.kinds(other_caption) == {"mismatched_image"}


def test_training_sets_are_those_before_each_curation() -> None:
    sets = training_sets(TRAIN, edits_of("remove", 3, TRAIN), 3)

    assert {epoch: len(samples) for epoch, samples in sets.items()} == {0: 8, 1: 8, 2: 5, 3: 4}


def test_rows_count_the_chosen_against_what_is_still_noisy() -> None:
    edits = edits_of("replace_image", 3, TRAIN)  # b#1, c#1, c#0 after epoch 1, d#1 after epoch 2
    rows = audit_selection(
        training_sets(TRAIN, edits, 3),
        edits,
        planted_noise(NOISE, TRAIN),
        {edit.epoch for edit in edits},
    )

    counted = {
        (row.epoch, row.kind): (row.samples, row.chosen, row.planted, row.found) for row in rows
    }
    assert counted == {
        (1, "wrong_caption"): (8, 3, 1, 1),
        (1, "mismatched_image"): (8, 3, 2, 2),
        (1, "any"): (8, 3, 3, 3),
        (2, "wrong_caption"): (8, 1, 1, 0),  # a synthetic image does not mend a caption
        (2, "mismatched_image"): (8, 1, 0, 0),
        (2, "any"): (8, 1, 1, 0),
    }
    first = next(row for row in rows if row.kind == "mismatched_image")
    assert (first.base_rate, first.precision, first.recall) == (2 / 8, 2 / 3, 1.0)
    last = next(row for row in rows if row.epoch == 2 and row.kind == "mismatched_image")
    assert (last.base_rate, last.precision, last.recall) == (0.0, 0.0, None)

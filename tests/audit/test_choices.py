"""What a score and a rule find, on losses whose long and wrong captions are known."""

from dataclasses import replace

import pytest

from caption_curation.audit.choices import audit_choices
from caption_curation.audit.selection import AuditRow, planted_noise
from caption_curation.curation.scores import loss_sum_smoothed
from caption_curation.curation.settings import CurationDetails
from caption_curation.experiments.runs import audit_run
from caption_curation.reports.comparison.noise_findings import findings, findings_of_choices
from caption_curation.samples import CaptionedImage, SampleLoss, samples_of
from tests.experiments.records import curation
from tests.small_run import accepted

# Forty images of two captions: one image's second caption is wrong, another's never ends.
IMAGES = [
    CaptionedImage(f"{number}", f"{number}.jpg", ("a red ring", "one red ring"))
    for number in range(40)
]
NOISE = [
    {"sample_id": "3#1", "kind": "wrong_caption"},
    {"sample_id": "7#1", "kind": "long_caption"},
]
IMAGES[3] = CaptionedImage("3", "3.jpg", ("a red ring", "two blue bars"))
IMAGES[7] = CaptionedImage("7", "7.jpg", ("a red ring", "one red ring and so on"))
DETAILS = CurationDetails(rounding="floor", easier_captions=None)


def loss_of(sample_id: str) -> SampleLoss:
    """Long captions cost little a token and much in all; wrong ones cost much a token."""
    mean, tokens = {"3#1": (3.0, 5), "7#1": (1.1, 60)}.get(sample_id, (1.0, 5))
    return SampleLoss(sample_id, mean * tokens, mean, tokens)


def test_the_summed_loss_finds_long_captions_and_the_mean_finds_wrong_ones() -> None:
    samples = samples_of(IMAGES)
    losses = [loss_of(sample.sample_id) for sample in samples]
    noise = planted_noise(NOISE, IMAGES)
    choices = audit_choices(
        {1: samples}, {1: losses}, noise, curation(ratio=0.1, std=2.0), DETAILS, seed=0
    )
    found = {
        (score, rule, finding.kind): finding
        for (score, rule, _), kinds in findings_of_choices(choices).items()
        for finding in kinds
    }

    by_sum, by_mean = ("loss_sum", "mean_std"), ("loss_mean", "mean_std")
    for choice, finds, misses in (
        (by_sum, "long_caption", "wrong_caption"),
        (by_mean, "wrong_caption", "long_caption"),
    ):
        good, bad = found[*choice, finds], found[*choice, misses]
        assert good.chosen.mean == 1 / 80
        assert good.recall and good.recall.mean == 1.0
        assert good.precision and good.precision.mean == 1.0
        assert bad.recall and bad.recall.mean == 0.0
        assert bad.precision and bad.precision.mean == 0.0
    assert found["random", "top_fraction", "any"].chosen.mean == 8 / 80


def test_a_rule_that_chooses_nothing_says_so() -> None:
    samples = samples_of(IMAGES)
    losses = [SampleLoss(sample.sample_id, 5.0, 1.0, 5) for sample in samples]
    noise = planted_noise(NOISE, IMAGES)
    choices = audit_choices({1: samples}, {1: losses}, noise, curation(), DETAILS, seed=0)
    of_rule = [
        choice.row for choice in choices if (choice.score, choice.rule) == ("loss_sum", "mean_std")
    ]

    for finding in findings(of_rule):
        assert finding.chosen.mean == 0.0
        assert finding.precision is None
        assert finding.recall and finding.recall.mean == 0.0
    assert {(row.planted, row.samples) for row in of_rule} == {(1, 80), (2, 80)}


def test_a_loss_that_an_older_file_lacks_is_left_out() -> None:
    samples = samples_of(IMAGES)
    noise = planted_noise(NOISE, IMAGES)

    def scores(losses: list[SampleLoss]) -> set[str]:
        choices = audit_choices({1: samples}, {1: losses}, noise, curation(), DETAILS, seed=0)
        return {choice.score for choice in choices}

    older = [loss_of(sample.sample_id) for sample in samples]
    newer = [replace(loss, loss_sum_smoothed=loss.loss_sum + 1) for loss in older]
    assert scores(newer) - scores(older) == {"loss_sum_smoothed"}
    assert "loss_sum" in scores(older)
    with pytest.raises(ValueError, match="no loss_sum_smoothed"):
        loss_sum_smoothed(older)


def test_findings_are_means_over_seeds() -> None:
    rows = [AuditRow(1, "any", 100, 40, 20, 10), AuditRow(1, "any", 100, 20, 0, 0)]
    (found,) = findings(rows)

    assert found.precision and found.precision.mean == pytest.approx((10 / 40 + 0) / 2)
    assert found.recall and (found.recall.mean, found.recall.seeds) == (0.5, 1)
    assert found.chosen.mean == pytest.approx(0.3)


def test_a_seed_that_chose_nothing_counts_in_the_means() -> None:
    samples = samples_of(IMAGES)
    noise = planted_noise(NOISE, IMAGES)
    settings = curation(method="replace_caption", rule="mean_std")
    wrong = next(sample for sample in samples if sample.sample_id == "3#1")
    logs = [[accepted("keep", wrong, wrong, 1, 3.0)], []]
    rows = [
        row
        for log in logs
        for row in audit_run({1: samples, 2: samples}, log, noise, settings, epochs=2)
    ]
    found = {finding.kind: finding for finding in findings(rows)}

    assert {row.epoch for row in rows} == {1}, "nothing is chosen after the last epoch"
    assert (found["any"].chosen.mean, found["any"].chosen.seeds) == (1 / 160, 2)
    recall = found["wrong_caption"].recall
    assert recall and (recall.mean, recall.seeds) == (0.5, 2)
    assert audit_run({1: samples}, [], noise, curation(), epochs=2) == []

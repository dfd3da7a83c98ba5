"""A round trip in a language that METEOR does not know."""

import csv
import io

import pytest

from caption_curation.reports.round_trip.figures import score_dots
from caption_curation.reports.round_trip.looks import looks_of
from caption_curation.reports.round_trip.tables import Results, variants_csv
from caption_curation.round_trip.scoring import score_variants
from caption_curation.round_trip.variants import REAL, Grid
from tests.metrics import published_formulas


def test_variants_are_scored_shown_and_written_without_meteor() -> None:
    references = {"a": ["两只狗在跑", "狗在跑"], "b": ["一个人打球"]}
    name = "generator-single"
    captions = {
        REAL: {"a": "狗在跑", "b": "一个人"},
        name: {"a#0": "狗跑", "a#1": "狗", "b#0": "人"},
    }
    image_ids = {REAL: {"a": "a", "b": "b"}, name: {"a#0": "a", "a#1": "a", "b#0": "b"}}
    found = score_variants(captions, image_ids, references, "zh")
    expected = published_formulas.cider(
        {
            image_id: (tuple(captions[REAL][image_id]), [tuple(text) for text in texts])
            for image_id, texts in references.items()
        }
    )
    assert found[REAL].metrics["cider"] == pytest.approx(expected)
    assert "meteor" not in found[name].metrics

    scores = {variant: dict(of.metrics) for variant, of in found.items()}
    results = Results(Grid(["generator"], ["single"]), scores, [])
    assert results.metrics == ["bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider"]
    labels = [axes.get_xlabel() for axes in score_dots(results, looks_of([])).axes]
    assert labels == ["CIDEr (× 100)", "BLEU-4 (× 100)", "ROUGE-L (× 100)"]
    for row in csv.DictReader(io.StringIO(variants_csv(results, {}, {}))):
        assert row["meteor"] == ""
        assert float(row["cider"]) > 0

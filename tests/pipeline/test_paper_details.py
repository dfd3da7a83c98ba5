"""The paper-size profiles' ways of counting, choosing and training, all together, to the report."""

import json

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.pipeline.clone import Clone, change

# What the profiles flickr30k and coco have and the demo and the tiny profile have not.
DETAILS = {
    "captioner.fine_tuning.last_batch": "drop",
    "captioner.fine_tuning.augmentation.horizontal_flip": True,
    "captioner.fine_tuning.augmentation.smallest_crop": 0.5,
    "captioner.fine_tuning.augmentation.rand_augment": {
        "operations": 2,
        "magnitude": 5,
        "autocontrast": "whiten",
    },
    "captioner.beam_length": "caption_and_prompt",
    "captioner.best_epoch": "cider_and_bleu_4",
    "curation.rounding": "round",
    "curation.easier_captions": 3,
}


@pytest.mark.parametrize("profile", ["flickr30k", "coco"])
def test_these_are_the_details_of_the_papers_profiles(profile: str) -> None:
    values = yaml.safe_load((REPOSITORY / f"profiles/{profile}.yaml").read_text())
    for key, value in DETAILS.items():
        found = values
        for name in key.split("."):
            found = found[name]
        assert found == value, key


def test_a_run_with_all_of_them_ends_in_a_report(tmp_path_factory: pytest.TempPathFactory) -> None:
    clone = Clone(tmp_path_factory.mktemp("clone"))
    change(clone.folder / "profiles/tiny.yaml", DETAILS)
    clone.set(
        **{
            "curation.score": "loss_sum_smoothed",
            "curation.pair_with": "random_easier",
            "prompt.styler": "a drawing",
            "synthesis.sampler": "pndm",
        }
    )
    clone.dvc("repro")
    page = (clone.folder / "reports/report.html").read_text(encoding="utf-8")
    assert "smoothed summed loss" in page
    history = json.loads((clone.folder / "data/epochs/2/history/validation.json").read_text())
    assert set(history) == {"cider", "cider_and_bleu_4", "best_epoch"}
    best = max(("1", "2"), key=lambda epoch: history["cider_and_bleu_4"][epoch])
    assert history["best_epoch"] == int(best)

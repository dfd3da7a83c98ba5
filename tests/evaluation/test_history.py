"""The history's choice of the best epoch, through its stage."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from caption_curation import paths
from caption_curation.coco_format import write_results
from caption_curation.config.profile import BestEpoch
from caption_curation.samples import CaptionedImage, write_json_lines
from stages import history

ROOT = Path(__file__).parents[2]
VAL = [
    CaptionedImage("1", "1.jpg", ("a big red dog runs on the green grass",)),
    CaptionedImage("2", "2.jpg", ("two small cats sleep in a warm basket",)),
    CaptionedImage("3", "3.jpg", ("the old man reads a paper on a bench",)),
]
# After epoch 1 they say the right things (CIDEr 3.39 against 3.25), after epoch 2 with more runs of
# four right words (BLEU-4 0.31 against 0.00).
CAPTIONS = [
    ["a", "a", "a"],
    ["a big red runs the green grass", "two small in a warm", "the man reads a a"],
    ["runs grass", "small sleep in warm the bench sky", "old man reads a paper on a grass blue"],
]


def write_workspace(
    folder: Path,
    criterion: BestEpoch,
    images: Sequence[CaptionedImage] = VAL,
    generated: Sequence[Sequence[str]] = CAPTIONS,
) -> None:
    """A run of two epochs without curation, as the history reads it."""
    shutil.copy(ROOT / "params.yaml", folder)
    profile = yaml.safe_load((ROOT / "profiles/demo.yaml").read_text())
    profile["captioner"]["best_epoch"] = criterion
    (folder / "profiles").mkdir()
    (folder / "profiles" / "demo.yaml").write_text(yaml.safe_dump(profile))
    write_json_lines(folder / paths.CORPUS / "val.jsonl", map(asdict, images))
    for epoch, captions in enumerate(generated):
        (folder / paths.captioner(epoch)).mkdir(parents=True)
        (folder / paths.captioner(epoch) / "name").write_text(f"captioner {epoch}")
        by_id = dict(zip((image.image_id for image in images), captions, strict=True))
        write_results(folder / paths.validation(epoch), by_id)
        for file in (
            paths.edits(epoch),
            paths.synthetic(epoch) / "index.jsonl",
            paths.losses(epoch),
        ):
            write_json_lines(folder / file, [])
        (folder / paths.synthesis_counts(epoch)).write_text("{}")


@pytest.mark.parametrize(("criterion", "best"), [("cider", 1), ("cider_and_bleu_4", 2)])
def test_the_best_epoch_is_that_of_the_chosen_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, criterion: BestEpoch, best: int
) -> None:
    write_workspace(tmp_path, criterion)
    monkeypatch.chdir(tmp_path)
    for epoch in range(len(CAPTIONS)):
        history.main(epoch)
    written = json.loads((paths.history(2) / "validation.json").read_text())
    assert set(written) == {"cider", criterion, "best_epoch"}
    assert set(written["cider"]) == {"0", "1", "2"}
    assert written["best_epoch"] == best
    assert max(written[criterion], key=written[criterion].get) == str(best)
    assert (paths.best_captioner(2) / "name").read_text() == f"captioner {best}"
    assert (paths.best_captioner(1) / "name").read_text() == "captioner 1"


def test_the_best_epoch_is_chosen_by_the_tokens_of_the_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In English's, whole Chinese captions are words: all epochs would have 0."""
    images = [
        CaptionedImage("1", "1.jpg", ("一只黑狗在跑",)),
        CaptionedImage("2", "2.jpg", ("两个人打球",)),
    ]
    write_workspace(tmp_path, "cider", images, [["雪", "雪"], ["狗", "人"], ["黑狗在跑", "人打球"]])
    parameters = tmp_path / "params.yaml"
    parameters.write_text(parameters.read_text().replace("language: en", "language: zh"))
    monkeypatch.chdir(tmp_path)
    for epoch in range(3):
        history.main(epoch)
    written = json.loads((paths.history(2) / "validation.json").read_text())
    assert written["cider"]["0"] == 0 < written["cider"]["1"] < written["cider"]["2"]
    assert written["best_epoch"] == 2

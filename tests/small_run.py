"""A finished run of a handful of samples, written by hand as the stages would have written it."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from PIL import Image

from caption_curation import paths
from caption_curation.coco_format import write_results
from caption_curation.corpora.corpus import Corpus, image_files, write_split
from caption_curation.corpora.duplicates.findings import find_duplicates, looks_of, write_findings
from caption_curation.curation.settling import settle
from caption_curation.edits import Edit, Proposal, apply_edits, write_edits
from caption_curation.image_index import digest_of
from caption_curation.metrics.status import write_reason
from caption_curation.samples import (
    CaptionedImage,
    Sample,
    SampleLoss,
    samples_of,
    write_json_lines,
)
from tests.conftest import REPOSITORY

# Eight samples. The caption b#1 is wrong, and c is the image of another scene.
TRAIN = [
    CaptionedImage("a", "a.jpg", ("a red circle", "one red disc")),
    CaptionedImage("b", "b.jpg", ("a blue bar on white", "three pink rings")),
    CaptionedImage("c", "c.jpg", ("two green crosses", "a pair of green crosses on black")),
    CaptionedImage("d", "d.jpg", ("a ring", "there is a ring and nothing else")),
]
NOISE = [
    {"sample_id": "b#1", "kind": "wrong_caption"},
    {"sample_id": "c#0", "kind": "mismatched_image"},
    {"sample_id": "c#1", "kind": "mismatched_image"},
]
VAL = [
    CaptionedImage("v", "v.jpg", ("a red ring on black", "one red ring")),
    CaptionedImage("w", "w.jpg", ("a blue circle on white", "one blue circle")),
]
TEST = [
    CaptionedImage("t", "t.jpg", ("a pink bar on grey", "one pink bar")),
    CaptionedImage("u", "u.jpg", ("two red rings on brown", "a pair of red rings")),
]
COLOURS = {"a": "red", "b": "blue", "c": "yellow", "d": "green"}

# Loss per token after epoch 1; after epoch e it is this divided by e.
LOSSES = {
    "a#0": 1.0,
    "a#1": 1.2,
    "b#0": 0.9,
    "b#1": 3.0,
    "c#0": 2.4,
    "c#1": 2.6,
    "d#0": 0.6,
    "d#1": 1.8,
}
# Chosen by the highest losses: after epoch 1 three of them, after epoch 2 one, which is kept when
# its image has no other caption left.
CHOSEN = {1: ["b#1", "c#1", "c#0"], 2: ["d#1"]}
NOTHING_CUT = {"prompts": 4, "too_long": 0, "most_tokens": 77, "redrawn": 0}
NOTHING_DRAWN = NOTHING_CUT | {"prompts": 0}
NO_SPICE = "SPICE needs a file"
KEPT = "the image has no unused other caption"


def set_parameters(root: Path, changes: Mapping[str, Any]) -> None:
    """The repository's own parameter files with some values changed (``curation.method``, …)."""
    shutil.copytree(REPOSITORY / "profiles", root / "profiles")
    parameters = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    for key, value in changes.items():
        *sections, last = key.split(".")
        section = parameters
        for name in sections:
            section = section[name]
        section[last] = value
    (root / "params.yaml").write_text(yaml.safe_dump(parameters), encoding="utf-8")


def key_of(sample_id: str) -> str:
    """The name of a sample's synthetic image."""
    return sample_id.replace("#", "-")


def accepted(
    action: str,
    before: Sample,
    after: Sample | None,
    epoch: int,
    score: float | None = None,
    reason: str = "",
) -> Edit:
    """An edit that nobody objected to."""
    evidence = {} if score is None else {"score": score}
    [edit] = settle([Proposal(action, before, after, evidence, reason)], epoch=epoch)
    return edit


def edits_of(method: str, epochs: int, train: list[CaptionedImage]) -> list[Edit]:
    """The edit log of a dynamic schedule that chooses ``CHOSEN``."""
    if method == "none":
        return []
    current = {sample.sample_id: sample for sample in samples_of(train)}
    edits = []
    for epoch in range(1, epochs):
        for sample_id in CHOSEN.get(epoch, []):
            before = current[sample_id]
            image = next(image for image in train if image.image_id == before.image_id)
            other = next(caption for caption in image.captions if caption != before.caption)
            score = LOSSES[sample_id] / epoch
            if method == "remove":
                edit = accepted("remove", before, None, epoch, score)
            elif method == "replace_image":
                file = (paths.synthetic(epoch) / f"{key_of(sample_id)}.jpg").as_posix()
                after = replace(before, file=file, replicate=int(sample_id == "c#0"))
                edit = accepted("replace_image", before, after, epoch, score)
            elif sample_id == "d#1":
                edit = accepted("keep", before, before, epoch, score, KEPT)
            else:
                after = replace(before, caption=other)
                edit = accepted("replace_caption", before, after, epoch, score)
            edits.append(edit)
            if edit.after:
                current[sample_id] = edit.after
    return edits


def write_small_run(
    root: Path,
    *,
    method: str = "replace_image",
    epochs: int = 3,
    noise: bool = True,
    train: list[CaptionedImage] = TRAIN,
    changes: Mapping[str, Any] | None = None,
    synthesis: Mapping[str, int] = NOTHING_CUT,
) -> None:
    """Write all that ``evaluate`` and ``report`` read under ``root``."""
    set_parameters(root, {"curation.method": method, "training.epochs": epochs, **(changes or {})})
    corpus = root / paths.CORPUS
    (corpus / "images").mkdir(parents=True)
    splits = {"train": train, "val": VAL, "test": TEST}
    digests = {}
    for split, images in splits.items():
        for image in images:
            file = corpus / "images" / image.file_name
            Image.new("RGB", (16, 12), COLOURS.get(image.image_id, "grey")).save(file)
            digests[image.file_name] = digest_of(file.read_bytes())
        write_split(split, images, image_files(digests, paths.CORPUS), corpus)
    whole = Corpus("small", splits)
    (root / paths.CORPUS_FINDINGS).mkdir()
    found = find_duplicates(whole, digests, looks_of(whole, corpus))
    findings = root / paths.CORPUS_FINDINGS
    write_findings(found, "warn", findings)
    (root / paths.CORPUS_REPORT).mkdir(parents=True)
    numbers = {"findings": json.loads((findings / "summary.json").read_text())}
    (root / paths.CORPUS_REPORT / "corpus.json").write_text(json.dumps(numbers))
    write_json_lines(root / paths.GROUND_TRUTH / "noise.jsonl", NOISE if noise else [])
    write_json_lines(root / paths.verdicts(epochs), [])

    history = root / paths.history(epochs)
    (history / "images").mkdir(parents=True)
    edits = edits_of(method, epochs, train)
    samples = samples_of(train)
    for epoch in range(1, epochs + 1):
        samples = apply_edits(samples, [edit for edit in edits if edit.epoch == epoch - 1])
        write_json_lines(
            history / f"losses-{epoch}.jsonl",
            [
                SampleLoss(
                    sample.sample_id,
                    4 * LOSSES[sample.sample_id] / epoch,
                    LOSSES[sample.sample_id] / epoch,
                    4,
                    1 + 4 * LOSSES[sample.sample_id] / epoch,
                )
                for sample in samples
            ],
        )
        captions = {"v": "a red ring", "w": "a blue circle" if epoch > 1 else "a pink bar"}
        write_results(history / f"validation-{epoch}.json", captions)
    for epoch, name in enumerate(paths.edit_logs(epochs)):
        write_edits(history / name, [edit for edit in edits if edit.epoch == epoch])
        counts = synthesis if epoch == 1 else NOTHING_DRAWN
        (history / f"synthesis-{epoch}.json").write_text(json.dumps(counts), encoding="utf-8")
    gallery = []
    for edit in edits:
        if edit.action == "replace_image":
            key = key_of(edit.sample_id)
            Image.new("RGB", (16, 12), "cyan").save(history / "images" / f"{key}.jpg")
            prompt = f"prompt of {edit.sample_id}"
            gallery.append(
                {
                    "epoch": edit.epoch,
                    "sample_id": edit.sample_id,
                    "key": key,
                    "prompt": prompt,
                    "seed": 1,
                }
            )
    write_json_lines(history / "gallery.jsonl", gallery)
    best = {"cider": {"0": 0.01, "1": 0.5, "2": 0.9, "3": 0.7}, "best_epoch": min(2, epochs)}
    (history / "validation.json").write_text(json.dumps(best), encoding="utf-8")
    clip_scores = {
        f"val_epoch_{epoch}": {
            "v": {"clipscore": 0.5, "ref_clipscore": 0.6},
            "w": {"clipscore": 0.1 * epoch, "ref_clipscore": 0.2 * epoch},
        }
        for epoch in range(1, epochs + 1)
    }
    clip_scores["test"] = {
        "t": {"clipscore": 0.75, "ref_clipscore": 0.5},
        "u": {"clipscore": 0.25, "ref_clipscore": 1.0},
    }
    (root / paths.CLIP_SCORES).parent.mkdir(parents=True, exist_ok=True)
    (root / paths.CLIP_SCORES).write_text(json.dumps({"reason": None, "scores": clip_scores}))
    (root / paths.SPICE).mkdir(parents=True)
    write_reason(root / paths.SPICE, NO_SPICE)
    write_results(root / paths.TEST_CAPTIONS, {"t": "a pink bar", "u": "a red ring on brown"})

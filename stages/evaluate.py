"""The experiment's numbers: scores of every epoch and of the test split, counts, distributions."""

import json
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from caption_curation import paths
from caption_curation.config.languages import ENGLISH
from caption_curation.config.params import load_params
from caption_curation.edits import apply_edits, read_edits
from caption_curation.evaluation.numbers import LossSummary, count_edits, summarize_losses
from caption_curation.samples import (
    Sample,
    read_images,
    read_losses,
    references_of,
    samples_of,
    write_json_lines,
)
from caption_curation.support.outputs import atomic_folder
from stages import run

# Of what the distributions are that are drawn as the paper's figures 2 and 8, which do not say.
SUMMED: Final = "loss_sum_smoothed"


def main() -> None:
    """Write scores, also image by image, counts, distributions of losses, and the captions."""
    experiment = load_params().experiment
    epochs = range(1, experiment.training.epochs + 1)
    language = experiment.evaluation.language

    from caption_curation.coco_format import read_results
    from caption_curation.evaluation.hard_samples import hard_sample_overlaps
    from caption_curation.evaluation.numbers import (
        curation_counts,
        epoch_rows,
        loss_histogram,
        mean_clip_scores,
        training_set_counts,
    )
    from caption_curation.metrics.all_scores import all_scores
    from caption_curation.metrics.coco.scores import CaptionedSplit
    from caption_curation.metrics.languages import tokenizer_name, without_meteor
    from caption_curation.metrics.status import read_reason

    history = paths.history(epochs[-1])
    validation_captions = {epoch: history / f"validation-{epoch}.json" for epoch in epochs}
    best_epoch = json.loads((history / "validation.json").read_text())["best_epoch"]
    clip = json.loads(paths.CLIP_SCORES.read_text())
    without_spice = read_reason(paths.SPICE)

    print(f"scoring the captions of {len(epochs)} epoch(s) and of the test split")
    references = {
        split: references_of(read_images(paths.CORPUS / f"{split}.jsonl"))
        for split in ("val", "test")
    }
    *validation_scores, test_scores = all_scores(
        [
            *(
                CaptionedSplit(read_results(path), references["val"])
                for path in validation_captions.values()
            ),
            CaptionedSplit(read_results(paths.TEST_CAPTIONS), references["test"]),
        ],
        spice_files=None if without_spice else paths.SPICE,
        language=language,
    )
    validation = {
        epoch: {**scores.corpus, **mean_clip_scores(clip["scores"], f"val_epoch_{epoch}")}
        for epoch, scores in zip(epochs, validation_scores, strict=True)
    }
    reasons = {
        "clipscore": clip["reason"],
        "spice": without_spice,
        "meteor": without_meteor(language),
    }
    tokens = {"language": language, "tokenizer": tokenizer_name(language)}

    losses = {epoch: _summary(history / f"losses-{epoch}.jsonl") for epoch in epochs}
    samples = samples_of(read_images(paths.CORPUS / "train.jsonl"))
    sizes = {0: len(samples), **{epoch: of.samples for epoch, of in losses.items()}}
    edits, sets = {}, {}
    for edited, name in enumerate(paths.edit_logs(epochs[-1])):
        samples, edits[edited] = _edited(samples, history / name)
        sets[f"epoch_{edited + 1}"] = training_set_counts(samples)

    metrics = {
        "best_epoch": best_epoch,
        "val": validation[best_epoch],
        "test": {**test_scores.corpus, **mean_clip_scores(clip["scores"], "test")},
        "not_computed": {name: reason for name, reason in reasons.items() if reason},
        **({} if language == ENGLISH else tokens),
        "curation": curation_counts(edits, sizes),
        "training_sets": sets,
    }
    test_clip = clip["scores"]["test"] if clip["scores"] else {}
    images = [
        {"image_id": image_id, **of_image, **test_clip.get(image_id, {})}
        for image_id, of_image in test_scores.images.items()
    ]
    rankings = {epoch: of.hardest_first for epoch, of in losses.items()}
    with atomic_folder(paths.EVALUATION) as folder:
        _write_json(folder / "metrics.json", metrics)
        _write_json(folder / "epochs.json", epoch_rows(validation, losses))
        _write_json(folder / "losses.json", loss_histogram(losses, "loss_mean"))
        _write_json(folder / "summed_losses.json", loss_histogram(losses, SUMMED))
        _write_json(folder / "hard_samples.json", hard_sample_overlaps(rankings))
        write_json_lines(folder / "images.jsonl", images)
        captions = folder / "captions"
        captions.mkdir()
        for epoch, path in validation_captions.items():
            shutil.copyfile(path, captions / f"val_epoch_{epoch}.json")
        shutil.copyfile(paths.TEST_CAPTIONS, captions / "test.json")


# Of all samples, losses and edits are held of one epoch at a time: they go when these return.


def _summary(losses: Path) -> LossSummary:
    return summarize_losses(read_losses(losses), SUMMED)


def _edited(samples: Sequence[Sample], log: Path) -> tuple[list[Sample], Counter[str]]:
    """The samples after an epoch's edits, and the counts of these."""
    edits = read_edits(log)
    return apply_edits(samples, edits), count_edits(edits)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)

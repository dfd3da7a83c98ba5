"""The report: one self-contained page about the run."""

import json
from pathlib import Path
from typing import Any

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.numerical_classes import (
    CLASSES,
    class_file,
    read_classes,
    read_epoch_classes,
)
from caption_curation.samples import read_images, read_json_lines
from caption_curation.support.outputs import write_atomically
from stages import run

# Results that belong to no epoch, whose class files the page reads.
OF_NO_EPOCH = (
    paths.BASE_GENERATOR,
    paths.GENERATOR,
    paths.sbert_captions("train"),
    paths.TEST_CAPTIONS,
    paths.CLIP_FEATURES,
    paths.CLIP_SCORES,
)


def main() -> None:
    """Write reports/report.html."""
    params = load_params()
    epochs = params.experiment.training.epochs

    from caption_curation.coco_format import read_results
    from caption_curation.evaluation.arithmetic import results_of_run
    from caption_curation.reports.run.page import build_report
    from caption_curation.reports.run.run import Run

    history = paths.history(epochs)
    page = build_report(
        Run(
            params=params,
            metrics=json.loads((paths.EVALUATION / "metrics.json").read_text()),
            epoch_rows=json.loads((paths.EVALUATION / "epochs.json").read_text()),
            hard_samples=json.loads((paths.EVALUATION / "hard_samples.json").read_text()),
            base_cider=json.loads((history / "validation.json").read_text())["cider"]["0"],
            losses={epoch: history / f"losses-{epoch}.jsonl" for epoch in range(1, epochs + 1)},
            edits=[history / name for name in paths.edit_logs(epochs)],
            synthesis={
                epoch: json.loads((history / f"synthesis-{epoch}.json").read_text())
                for epoch in range(epochs)
            },
            gallery=read_json_lines(history / "gallery.jsonl"),
            train=read_images(paths.CORPUS / "train.jsonl"),
            test=read_images(paths.CORPUS / "test.jsonl"),
            test_captions=read_results(paths.EVALUATION / "captions" / "test.json"),
            noise=_read_ground_truth(paths.GROUND_TRUTH / "noise.jsonl"),
            scenes=_read_ground_truth(paths.GROUND_TRUTH / "scenes.jsonl"),
            verdicts=read_json_lines(paths.verdicts(epochs)),
            photographs=paths.CORPUS / "images",
            synthetic=history / "images",
            corpus=json.loads((paths.CORPUS_REPORT / "corpus.json").read_text())["findings"],
            classes=results_of_run(
                read_epoch_classes(history / CLASSES),
                {result.stem: read_classes(class_file(result)) for result in OF_NO_EPOCH},
            ),
        )
    )
    write_atomically(paths.REPORT, page)
    print(f"{paths.REPORT}: {len(page) / 2**20:.1f} MB")


def _read_ground_truth(path: Path) -> list[dict[str, Any]]:
    """Records of planted noise or of scenes; a real corpus has none that are known."""
    return read_json_lines(path) if path.is_file() else []


if __name__ == "__main__":
    run(main)

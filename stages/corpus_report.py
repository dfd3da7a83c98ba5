"""The page about the corpus, before anything is trained on it."""

import json

from caption_curation import paths
from caption_curation.samples import iterate_json_lines, read_images
from stages import run

SPLITS = ("train", "val", "test")


def main() -> None:
    """Write reports/corpus: index.html, corpus.json, and the figure as PNG and SVG."""
    from caption_curation.reports.corpus.examples import choose_duplicates
    from caption_curation.reports.corpus.numbers import (
        count_lengths,
        describe_captions,
        describe_sizes,
    )
    from caption_curation.reports.corpus.page import CorpusReport, write_report

    generator = json.loads((paths.GENERATOR_CORPUS / "summary.json").read_text(encoding="utf-8"))
    of_generator = None
    if generator["source"] != "same":
        of_generator = count_lengths(read_images(paths.GENERATOR_CORPUS / "train.jsonl"))
    write_report(
        CorpusReport(
            summary=json.loads((paths.CORPUS / "summary.json").read_text(encoding="utf-8")),
            findings=json.loads(
                (paths.CORPUS_FINDINGS / "summary.json").read_text(encoding="utf-8")
            ),
            captions=describe_captions(
                {split: read_images(paths.CORPUS / f"{split}.jsonl") for split in SPLITS}
            ),
            sizes=describe_sizes(iterate_json_lines(paths.CORPUS_FINDINGS / "images.jsonl")),
            generator_lengths=of_generator,
            duplicates=choose_duplicates(
                iterate_json_lines(paths.CORPUS_FINDINGS / "duplicates.jsonl")
            ),
            photographs=paths.PHOTOGRAPHS,
        ),
        paths.CORPUS_REPORT,
    )
    print(paths.CORPUS_REPORT / "index.html")


if __name__ == "__main__":
    run(main)

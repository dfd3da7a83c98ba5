"""Build the corpus of the captioner (``data``) or of the generator (``generator_data``)."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from caption_curation.config.corpora import (
    CaptionerCorpus,
    DemoWorldSource,
    OnLeak,
    SameCorpusSource,
)
from caption_curation.config.corpus_forms import CorpusSource
from caption_curation.config.experiment import Inputs
from caption_curation.config.inputs import located_corpus
from caption_curation.config.params import load_params
from caption_curation.corpora.corpus import (
    WHOLE_TRAIN,
    Corpus,
    image_files,
    summarise,
    whole_training_split,
    write_corpus,
    write_split,
)
from caption_curation.corpora.duplicates.findings import (
    describe,
    find_duplicates,
    looks_of,
    settle_leaks,
    write_findings,
)
from caption_curation.corpora.few_shot import training_subset
from caption_curation.image_index import ImageFile
from caption_curation.paths import CORPUS, CORPUS_FINDINGS, GENERATOR_CORPUS, GROUND_TRUTH
from caption_curation.samples import samples_of, write_json_lines
from caption_curation.support.errors import InputError
from caption_curation.support.outputs import atomic_folder
from caption_curation.support.stage_arguments import OneOf
from stages import run

SPLITS = ("train", "val", "test")


def main(section: Annotated[str, OneOf("data", "generator_data")]) -> None:
    """Build the corpus that a section of the profile asks for.

    That of data has the ground truth too, and findings of what it holds several times.
    """
    params = load_params()
    profile, inputs = params.profile, params.experiment.inputs
    if section == "data":
        with (
            atomic_folder(CORPUS) as folder,
            atomic_folder(GROUND_TRUTH) as ground_truth,
            atomic_folder(CORPUS_FINDINGS) as findings,
        ):
            _build(profile.data, section, inputs, CORPUS, folder, (ground_truth, findings))
    else:
        with atomic_folder(GENERATOR_CORPUS) as folder:
            _build(profile.generator_data, section, inputs, GENERATOR_CORPUS, folder, None)


def _build(
    source: DemoWorldSource | CorpusSource | SameCorpusSource,
    section: str,
    inputs: Inputs,
    home: Path,
    folder: Path,
    of_captioner: tuple[Path, Path] | None,
) -> None:
    """Write a corpus into ``folder``, which becomes ``home`` when all of it is there.

    ``of_captioner``: the folders of the ground truth and of the findings, which only its has.
    """
    splits = SPLITS if section == "data" else SPLITS[:1]
    noise, scenes = [], []
    match source:
        case DemoWorldSource():
            from caption_curation.demo_world import world as demo_world
            from caption_curation.demo_world.style import DEFAULT

            empty = [split for split in splits if getattr(source.images, split) == 0]
            if empty:
                raise InputError(f"{section}.images: at least 1 is needed in {', '.join(empty)}")
            world = demo_world.make_world(source, DEFAULT, splits)
            corpus = world.corpus(splits)
            noise, scenes = world.noise_records(), world.scene_records()
            digests = demo_world.render_images(world, DEFAULT, source.image_size, folder)
            files = image_files(digests, home)
        case SameCorpusSource():
            corpus, files = whole_training_split(CORPUS)
        case _:
            from caption_curation.corpora.listing import copy_images
            from caption_curation.corpora.sources import read_corpus

            located = located_corpus(source, inputs, section)
            corpus = read_corpus(source, located, section, splits)
            files = image_files(copy_images(corpus, located, folder), home)
    if isinstance(source, CaptionerCorpus) and of_captioner:
        ground_truth, findings = of_captioner
        corpus = _without_leaks(corpus, files, folder, source.on_leak, findings)
        # Only the list of training images is shortened: the files are the same for every fraction,
        # so that DVC stores them once and the generator's corpus stays what it is.
        whole = corpus.splits["train"]
        write_split(WHOLE_TRAIN, whole, files, folder)
        subset = training_subset(whole, source.train_fraction, source.seed)
        corpus = replace(corpus, splits=corpus.splits | {"train": subset})
        kept = {sample.sample_id for sample in samples_of(subset)}
        noise = [record for record in noise if record["sample_id"] in kept]
    write_corpus(corpus, files, folder)
    if of_captioner:
        write_json_lines(ground_truth / "noise.jsonl", noise)
        write_json_lines(ground_truth / "scenes.jsonl", scenes)
    print(summarise(corpus))


def _without_leaks(
    corpus: Corpus, files: Mapping[str, ImageFile], folder: Path, on_leak: OnLeak, findings: Path
) -> Corpus:
    """Write down what the corpus holds several times, and do about leaks what the profile says.

    What is dropped is gone from the whole training split, too, which the generator may be
    fine-tuned on; only its files stay in the folder.
    """
    digests = {name: file.md5 for name, file in files.items()}
    found = find_duplicates(corpus, digests, looks_of(corpus, folder))
    settled = settle_leaks(found, on_leak)
    write_findings(found, on_leak, findings)
    if lines := describe(found, on_leak):
        print(lines)
    return settled


if __name__ == "__main__":
    run(main)

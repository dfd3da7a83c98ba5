"""Build the corpus of the captioner (``data``) or of the generator (``generator_data``)."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from caption_curation.config.corpora import CaptionerCorpus, DemoWorldSource, SameCorpusSource
from caption_curation.config.corpus_forms import CorpusSource
from caption_curation.config.experiment import Inputs
from caption_curation.config.inputs import located_corpus
from caption_curation.config.params import load_params
from caption_curation.corpora.corpus import (
    WHOLE_TRAIN,
    image_files,
    summarise,
    whole_training_split,
    write_corpus,
    write_split,
)
from caption_curation.corpora.few_shot import training_subset
from caption_curation.paths import CORPUS, GENERATOR_CORPUS, GROUND_TRUTH
from caption_curation.samples import samples_of, write_json_lines
from caption_curation.support.errors import InputError
from caption_curation.support.outputs import atomic_folder
from caption_curation.support.stage_arguments import OneOf
from stages import run

SPLITS = ("train", "val", "test")


def main(section: Annotated[str, OneOf("data", "generator_data")]) -> None:
    """Build the corpus that a section of the profile asks for; data has the ground truth too."""
    params = load_params()
    profile, inputs = params.profile, params.experiment.inputs
    if section == "data":
        with atomic_folder(CORPUS) as folder, atomic_folder(GROUND_TRUTH) as ground_truth:
            _build(profile.data, section, inputs, CORPUS, folder, ground_truth)
    else:
        with atomic_folder(GENERATOR_CORPUS) as folder:
            _build(profile.generator_data, section, inputs, GENERATOR_CORPUS, folder, None)


def _build(
    source: DemoWorldSource | CorpusSource | SameCorpusSource,
    section: str,
    inputs: Inputs,
    home: Path,
    folder: Path,
    ground_truth: Path | None,
) -> None:
    """Write a corpus into ``folder``, which becomes ``home`` when all of it is there."""
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
    if isinstance(source, CaptionerCorpus):
        # Only the list of training images is shortened: the files are the same for every fraction,
        # so that DVC stores them once and the generator's corpus stays what it is.
        whole = corpus.splits["train"]
        write_split(WHOLE_TRAIN, whole, files, folder)
        subset = training_subset(whole, source.train_fraction, source.seed)
        corpus = replace(corpus, splits=corpus.splits | {"train": subset})
        kept = {sample.sample_id for sample in samples_of(subset)}
        noise = [record for record in noise if record["sample_id"] in kept]
    write_corpus(corpus, files, folder)
    if ground_truth is not None:
        write_json_lines(ground_truth / "noise.jsonl", noise)
        write_json_lines(ground_truth / "scenes.jsonl", scenes)
    print(summarise(corpus))


if __name__ == "__main__":
    run(main)

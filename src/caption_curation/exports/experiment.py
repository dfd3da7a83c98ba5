"""The training set after an epoch of a finished experiment, read where it lies."""

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from caption_curation import paths
from caption_curation.edits import read_edits
from caption_curation.experiments.finished import (
    FinishedExperiment,
    NotWritten,
    Repository,
    Unusable,
)
from caption_curation.exports.about import base_of_generator, outcomes, parameters_told
from caption_curation.exports.found import Found, find_experiment, provenance, refusing_unusable
from caption_curation.exports.pictures import picture_names
from caption_curation.exports.rows import About, Contents, Origin, Picture, Row, rows_of
from caption_curation.image_index import index_of, read_index
from caption_curation.samples import Sample, read_images, read_samples, samples_of
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.reading import iterate_json_lines, read_json
from caption_curation.synthetic_index import INDEX, SyntheticImage, read_synthetic_index

TRAIN = "train"
OTHERS = ("val", "test")
PROVENANCE = (
    "provenance.jsonl"  # of the corpus: whose photographs they are; not every corpus has it
)


def curated_set(
    repository: Repository, root: Path, name: str | None, epoch: int, splits: Iterable[str]
) -> Contents:
    """The training set that curation left after an epoch: the one that the next epoch trains on.

    Args:
        repository: that the experiment is in.
        root: its folder.
        name: of the experiment; ``None``: that of the workspace.
        epoch: 0 (before training) to the last but one, after which nothing is curated any more.
        splits: ``train``, which is curated, and of ``val`` and ``test`` those that go along
            as they are in the corpus.

    Raises:
        InputError: there is no such epoch, or files are not in DVC's cache; all are listed.
    """
    found = find_experiment(repository, name)
    epochs = found.experiment.epochs
    if not 0 <= epoch < epochs:
        raise InputError(
            f"--epoch {epoch}: allowed: 0 (before training) to {epochs - 1}; {found.listed.name} "
            f"trains for {epochs} epochs, and nothing is curated after the last"
        )
    with refusing_unusable(found.listed.name):
        return _read(found, epoch, splits, provenance(root, found))


def _read(found: Found, epoch: int, splits: Iterable[str], facts: dict[str, str]) -> Contents:
    experiment, profile = found.experiment, found.profile
    corpus = paths.CORPUS.as_posix()
    images = read_images(experiment.path(corpus, "train.jsonl"))
    curated = paths.curated(epoch).as_posix()
    experiment.path(curated, paths.shown(epoch).name)  # earlier versions wrote other samples
    samples = {TRAIN: read_samples(experiment.path(curated, paths.samples(epoch).name))}
    of_corpus = {TRAIN: images}
    for split in OTHERS:
        if split in splits:
            of_corpus[split] = read_images(experiment.path(corpus, f"{split}.jsonl"))
            files = read_index(experiment.path(corpus, index_of(paths.CORPUS, split).name))
            by_id = {
                image.image_id: file.file
                for image, file in zip(of_corpus[split], files, strict=True)
            }
            samples[split] = [
                Sample(each.sample_id, each.image_id, by_id[each.image_id], each.caption)
                for each in samples_of(of_corpus[split])
            ]
    edits = read_edits(
        *(
            experiment.path(paths.curated(each).as_posix(), paths.edits(each).name)
            for each in range(epoch + 1)
        )
    )
    shown = list(dict.fromkeys(str(each.file) for listed in samples.values() for each in listed))
    pictures = find_pictures(experiment, shown)
    names = picture_names(pictures)
    origins = _origins(experiment)
    drawn = _drawn(experiment, [each for each in samples[TRAIN] if each.replicate is not None])
    generator = _generator(experiment) if drawn else None
    rows: dict[str, list[Row]] = {
        split: rows_of(
            listed,
            of_corpus[split],
            names=names,
            edits=edits if split == TRAIN else (),
            drawn=drawn,
            generator=generator,
            origins=origins,
        )
        for split, listed in samples.items()
    }
    facts |= {"training set": f"after epoch {epoch}" if epoch else "before training"}
    facts |= {"training set, MD5 of its list of files": experiment.outputs[curated]}
    if generator:
        facts |= {"generator, SHA-256": generator}
    about = About(
        title=_title(experiment, epoch),
        provenance=facts,
        parameters=parameters_told(experiment, profile),
        outcomes=outcomes(edits),
        corpus_samples=sum(len(image.captions) for image in images),
        drawn_by=base_of_generator(profile),
    )
    return Contents(rows, {names[file]: picture for file, picture in pictures.items()}, about)


def _title(experiment: FinishedExperiment, epoch: int) -> str:
    profile = experiment.parameters["profile"]
    method = experiment.parameters["curation"]["method"]
    when = f"after epoch {epoch}" if epoch else "before training"
    return f"{profile}, curated by {method}, {when}"


def find_pictures(experiment: FinishedExperiment, files: Sequence[str]) -> dict[str, Picture]:
    """Where the bytes of image files lie, by the files, in their order.

    Args:
        experiment: whose stages made them.
        files: relative to the project.

    Raises:
        InputError: DVC's cache lacks some; they are listed with the command that brings them.
    """
    of_output: dict[str, list[str]] = {}
    for file in files:
        of_output.setdefault(_output_of(file, experiment), []).append(file)
    found: dict[str, Picture] = {}
    missing: list[str] = []
    # Folder by folder, as the experiment remembers the lists of a few folders only.
    for output, inside in of_output.items():
        for file in inside:
            relative = PurePosixPath(file).relative_to(output).as_posix()
            try:
                path = experiment.path(output, relative)
            except Unusable:
                missing.append(file)
            else:
                # An object is called like its MD5.
                found[file] = Picture(path, path.parent.name + path.name)
    if missing:
        outputs = {_output_of(file, experiment) for file in missing}
        raise InputError(
            list_faults(
                f"{experiment.name}: images that are not in DVC's cache; "
                f"`{experiment.bring(sorted(outputs))}` brings them",
                missing,
            )
        )
    return {file: found[file] for file in files}


def _output_of(file: str, experiment: FinishedExperiment) -> str:
    """The output that a file lies in.

    Raises:
        Unusable: no stage of the experiment made it.
    """
    for folder in map(str, PurePosixPath(file).parents):
        if folder in experiment.outputs:
            return folder
    raise Unusable(f"no stage of it made {file}; run it again")


def _drawn(experiment: FinishedExperiment, samples: Sequence[Sample]) -> dict[str, SyntheticImage]:
    """The synthetic images that samples show, by file."""
    folders: dict[str, set[str]] = {}
    for sample in samples:
        file = PurePosixPath(str(sample.file))
        folders.setdefault(str(file.parent), set()).add(file.name)
    drawn = {}
    for folder, names in folders.items():
        output = _output_of(f"{folder}/{INDEX}", experiment)
        for image in read_synthetic_index(experiment.path(output, INDEX)):
            name = f"{image.key}.jpg"
            if name in names:
                drawn[f"{folder}/{name}"] = image
    return drawn


def _generator(experiment: FinishedExperiment) -> str:
    """SHA-256 of the generator, as its images' names cover it."""
    digest: Any = read_json(experiment.path(paths.GENERATOR.as_posix(), "digest.json"))
    return str(digest["sha256"])


def _origins(experiment: FinishedExperiment) -> dict[str, Origin]:
    try:
        file = experiment.path(paths.CORPUS.as_posix(), PROVENANCE)
    except NotWritten:
        return {}
    return {
        record["image_id"]: Origin(record["licence"], record["author"], record["source_url"])
        for record in iterate_json_lines(file)
    }

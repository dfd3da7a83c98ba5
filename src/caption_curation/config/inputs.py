"""What a profile asks for, with the paths of this machine that ``inputs`` of params.yaml names.

A profile says which model or corpus it is; where the file or folder lies is the machine's matter,
and its content is a dependency of the stage that reads it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption_curation.config.corpus_forms import CorpusSource, HubSource
from caption_curation.config.experiment import Inputs
from caption_curation.config.params import PARAMS_FILE, Params
from caption_curation.config.profile import BlipCheckpoint, HubModel, LocalModel, Profile
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.extras import lacking_data

# The sources that read files with an ending, and folders. What is not here, csv may read.
READERS = {
    ".json": ("karpathy", "coco"),
    ".jsonl": ("image_folder",),
    ".csv": ("csv", "image_folder"),
    ".parquet": ("parquet", "image_folder"),
    ".tar": ("webdataset",),
}
FOLDERS = ("coco", "csv", "image_folder", "webdataset", "parquet")
NEED_IMAGES = {"karpathy", "coco", "csv"}  # others have pictures inside, or beside the metadata


@dataclass(frozen=True, slots=True)
class CorpusFiles:
    """Where a corpus lies: what its source reads, and the folder that its file names are in."""

    annotations: Path
    images: Path


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint of BLIP, its pinned SHA-256 if there is one, and where ``vocab.txt`` is."""

    path: Path
    sha256: str | None
    tokenizer: Path | HubModel


def input_key(section: str, what: str) -> str:
    """The key in params.yaml of a corpus's ``annotations`` or ``images``, by the profile's section.

    For instance ``inputs.generator_images`` of ``generator_data``.
    """
    return f"inputs.{'' if section == 'data' else 'generator_'}{what}"


def located_corpus(source: CorpusSource, inputs: Inputs, section: str) -> CorpusFiles:
    """Where the corpus of a section of the profile lies, as :func:`corpus_files` has it.

    Raises:
        InputError: no folder of images is named, and the source needs one.
    """
    images = corpus_inputs(inputs, section)[1]
    if images is None and source.source in NEED_IMAGES:
        raise InputError(f"{PARAMS_FILE}: {_no_images(source, section, images)}")
    return corpus_files(inputs, section)


def corpus_files(inputs: Inputs, section: str) -> CorpusFiles:
    """The paths of a section of the profile, whether or not anything is there.

    Without a folder of images, names are relative to the folder of the annotations.
    """
    annotations, images = corpus_inputs(inputs, section)
    path = Path(annotations)
    if images is not None:
        return CorpusFiles(path, Path(images))
    return CorpusFiles(path, path if path.is_dir() else path.parent)


def corpus_inputs(inputs: Inputs, section: str) -> tuple[str, str | None]:
    """What the keys ``annotations`` and ``images`` of a section of the profile hold."""
    if section == "data":
        return inputs.annotations, inputs.images
    return inputs.generator_annotations, inputs.generator_images


def _no_images(source: Any, section: str, images: str | None) -> str:
    key = input_key(section, "images")
    return (
        f"{key} = {images!r}: {section}.source = {source.source} needs the folder of images "
        f"(-S {key}=/path/to/images)"
    )


def located_model(source: LocalModel | HubModel, folder: str) -> Path | HubModel:
    """A model's folder, or the model on the hub."""
    return Path(folder) if isinstance(source, LocalModel) else source


def located_captioner(
    source: LocalModel | HubModel | BlipCheckpoint, path: str, tokenizer: str
) -> Path | HubModel | Checkpoint:
    """A captioner's folder, the model on the hub, or BLIP's checkpoint and its tokenizer."""
    if isinstance(source, BlipCheckpoint):
        return Checkpoint(Path(path), source.sha256, located_model(source.tokenizer, tokenizer))
    return located_model(source, path)


def check_inputs(params: Params, root: Path = Path()) -> None:
    """Say what is wrong with the paths of ``inputs``, before DVC says it in its own words.

    DVC looks at every path, whether or not the profile needs it, and stops where one is not there.

    Raises:
        InputError: a path does not exist, or is not that of what the profile asks for; all are
            listed.
    """
    inputs = params.experiment.inputs
    missing = _missing(inputs, root)
    given = params.experiment.missing_inputs(root)
    faults = [*given, *missing.values(), *_unlike(inputs, params.profile, root, missing)]
    if faults:
        raise InputError(list_faults(f"{PARAMS_FILE}: inputs that are not as they must be", faults))


def _missing(inputs: Inputs, root: Path) -> dict[str, str]:
    """What to say of each path at which there is nothing, by its key."""
    return {
        key: f"inputs.{key} = {path!r}: there is no such file or folder (from "
        f"{root.absolute()}). A queued experiment sees what git tracks, and whole paths: write "
        "/path/to/it; ~ is not expanded. Where nothing reads it, put back what is committed"
        for key, path in inputs.model_dump().items()
        if key not in ("decisions", "scores") and path is not None and not (root / path).exists()
    }


def _unlike(inputs: Inputs, profile: Profile, root: Path, missing: dict[str, str]) -> list[str]:
    """What the profile asks for, and what is at a path instead, line by line."""
    faults = []
    for section in ("data", "generator_data"):
        source = getattr(profile, section)
        if not isinstance(source, CorpusSource):
            continue
        if isinstance(source, HubSource):
            faults += lacking_data(f"{section}.source = hub")
            continue
        annotations, images = corpus_inputs(inputs, section)
        key = input_key(section, "annotations").removeprefix("inputs.")
        faults += _named(key, annotations, f"{section}.annotations", source.annotations)
        faults += _of_another_form(key, root / annotations, section, source.source)
        key = input_key(section, "images").removeprefix("inputs.")
        if source.source == "parquet" or annotations.endswith(".parquet"):
            faults += lacking_data(f"inputs.{key} = {annotations!r}")
        absent = source.source in NEED_IMAGES if images is None else not (root / images).is_dir()
        if absent and key not in missing:
            faults.append(_no_images(source, section, images))
    base = profile.captioner.base
    if isinstance(base, BlipCheckpoint):
        faults += _named("captioner", inputs.captioner, "captioner.base.file", base.file)
    models = {
        "captioner": base,
        "tokenizer": base.tokenizer if isinstance(base, BlipCheckpoint) else None,
        "generator": profile.generator.base,
        "sentence_encoder": profile.sentence_encoder,
        "clip": profile.clip,
    }
    for key, source in models.items():
        path = getattr(inputs, key)
        if isinstance(source, LocalModel) and key not in missing and not (root / path).is_dir():
            faults.append(f"inputs.{key} = {path!r}: a folder with a model is needed")
    return faults


def _of_another_form(key: str, path: Path, section: str, source: str) -> list[str]:
    """A line where other sources read what is at a path, as its ending tells."""
    if not path.exists():
        return []
    readers = FOLDERS if path.is_dir() else READERS.get(path.suffix, ())
    if not readers or source in readers:
        return []
    what = "a folder" if path.is_dir() else path.suffix
    return [
        f"inputs.{key} = {str(path)!r}: {section}.source = {source} does not read {what}; "
        f"{' or '.join(readers)} does"
    ]


def _named(key: str, path: str, asked: str, name: str) -> list[str]:
    """A line where the profile asks for another file than the path's."""
    if Path(path).name == name:
        return []
    return [
        f"inputs.{key} = {path!r}: the profile asks for {name} ({asked}): "
        f"-S inputs.{key}=/path/to/{name}"
    ]

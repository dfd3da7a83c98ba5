"""A training set that a round of curation on a user's files left, as an export."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from caption_curation.corpora.names import confined_name
from caption_curation.edits import Edit, edits_by_epoch
from caption_curation.evaluation.numbers import count_edits
from caption_curation.exports.export import check_packages, check_target, write_export
from caption_curation.exports.pictures import picture_names
from caption_curation.exports.rows import About, Contents, Picture, Row, changed
from caption_curation.image_index import digest_of
from caption_curation.pictures.reading import picture_fault
from caption_curation.rounds.files import Curated, Round, curate_files
from caption_curation.samples import Sample
from caption_curation.support.errors import InputError, list_faults

TRAIN = "train"
ORIGINS = ("licence", "author", "source_url")  # columns that are kept where the user has them


@dataclass(frozen=True)
class Target:
    """Where the training set goes.

    Attributes:
        form: a name of the table of formats.
        folder: to be made.
        images: the folder that the files of photographs are relative to.
    """

    form: str
    folder: Path
    images: Path


def curate_and_export(asked: Round, target: Target) -> list[str]:
    """Write the edits of a round, and export the training set after it; a summary in lines.

    Raises:
        InputError: with every fault of the files, or of the pictures.
    """
    check_target(target.folder, "--apply")
    check_packages(target.form)
    return curate_files(asked, partial(_export, asked, target))


def contents_of(curated: Curated, images: Path, about: About) -> Contents:
    """The rows and pictures of the training set.

    Args:
        curated: what came of a round.
        images: the folder that the files of photographs are relative to.
        about: what the card tells.

    Raises:
        InputError: pictures that are not in the folder, or cannot be read; all of them.
    """
    pictures = _pictures(curated.after, images)
    names = picture_names(pictures)
    last = {edit.sample_id: edit for edit in curated.log if changed(edit)}
    original = {sample.sample_id: sample for sample in curated.table.samples}
    rows = [
        _row(
            sample,
            original[sample.sample_id],
            last.get(sample.sample_id),
            names[str(sample.file)],
            curated,
        )
        for sample in curated.after
    ]
    of_names = {names[file]: picture for file, picture in pictures.items()}
    return Contents({TRAIN: rows}, of_names, about)


def _export(asked: Round, target: Target, curated: Curated) -> str:
    about = _about(asked, curated)
    write_export(contents_of(curated, target.images, about), target.form, target.folder)
    return f"{target.folder}: {len(curated.after)} samples"


def _row(sample: Sample, first: Sample, edit: Edit | None, name: str, curated: Curated) -> Row:
    synthetic = sample.replicate is not None
    record = curated.table.rows[sample.sample_id]
    licence, author, source = (None if synthetic else _text(record.get(key)) for key in ORIGINS)
    return Row(
        file_name=name,
        caption=sample.caption,
        sample_id=sample.sample_id,
        image_id=sample.image_id,
        original_caption=first.caption,
        action=edit.action if edit else None,
        edit_epoch=edit.epoch if edit else None,
        score=edit.score if edit else None,
        synthetic=synthetic,
        prompt=curated.prompts.get(sample.sample_id) if synthetic else None,
        licence=licence,
        author=author,
        source_url=source,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _pictures(samples: list[Sample], images: Path) -> dict[str, Picture]:
    """The pictures that samples show, by the sample's file."""
    faults: list[str] = []
    found: dict[str, Picture] = {}
    inside = images.resolve()
    shown = {str(sample.file): sample.replicate is not None for sample in samples}
    if "" in shown:
        raise InputError("there is no column of image files: --column image=NAME")
    for file, is_drawn in tqdm(shown.items(), "reading pictures", unit="image", disable=None):
        name: str | None = file if is_drawn else confined_name(file, images, inside, faults)
        if name is None:
            continue
        path = Path(name) if is_drawn else images / name
        fault = picture_fault(path, decode=False) if path.is_file() else "no such file"
        if fault:
            faults.append(f"{path}: {fault}")
        else:
            found[file] = Picture(path, digest_of(path.read_bytes()))
    if faults:
        raise InputError(list_faults(f"{images}: pictures", faults))
    return found


def _about(asked: Round, curated: Curated) -> About:
    from importlib.metadata import version

    of = (asked.samples or asked.losses or Path()).name
    epoch = max((edit.epoch for edit in curated.log), default=0)
    when = f"after epoch {epoch}" if epoch else "before training"
    files: Mapping[str, Path | None] = {"samples": asked.samples, "losses": asked.losses}
    return About(
        title=f"{of}, curated by {asked.settings['method']}, {when}",
        provenance={
            "made with": f"caption-curation {version('caption-curation')}",
            **{
                f"{what}, MD5": f"{path.name}: {digest_of(path.read_bytes())}"
                for what, path in files.items()
                if path is not None
            },
        },
        parameters={
            key: value
            for key, value in {**asked.settings, "seed": asked.seed}.items()
            if value is not None
        },
        outcomes={
            f"after epoch {number}" if number else "before training": dict(count_edits(made))
            for number, made in sorted(edits_by_epoch(curated.log).items())
        },
        corpus_samples=len(curated.table.samples),
    )

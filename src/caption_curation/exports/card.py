"""The card of an exported data set: README.md in the form of the Hugging Face hub."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from caption_curation.exports.citation import bibtex
from caption_curation.exports.formats import FORMATS, Format
from caption_curation.exports.licences import UNKNOWN, hub_licence
from caption_curation.exports.markdown import fenced, front_matter, literal, table
from caption_curation.exports.rows import Contents, Row
from caption_curation.exports.splits import HUB
from caption_curation.reports.page.labels import EDIT_LABELS

EXAMPLES = 5
SIZES = {
    "n<1K": 1_000,
    "1K<n<10K": 10_000,
    "10K<n<100K": 100_000,
    "100K<n<1M": 1_000_000,
    "1M<n<10M": 10_000_000,
}
LARGER = "10M<n<100M"


def dataset_card(contents: Contents, form: str, folder: str) -> str:
    """The text of README.md.

    Args:
        contents: of the export.
        form: a name of the table of formats.
        folder: what the export's folder is called, for examples.
    """
    chosen = FORMATS[form]
    about = contents.about
    parts = [
        front_matter(_head(contents, chosen)),
        f"# {literal(about.title)}",
        _summary(contents, chosen),
        fenced(chosen.usage.replace("FOLDER", _in_quotes(folder)), "python"),
        "## Contents",
        _counts(contents),
        "## Fields",
        table(("field", "meaning"), FIELDS.items()),
        "## How it was curated",
        _outcomes(contents),
        *_examples(contents.splits["train"]),
        table(("parameter", "value"), flat(about.parameters)),
        "## Provenance",
        table(("what", "value"), about.provenance.items()),
        "## Licence",
        _licence_notes(contents),
        "## Citation",
        fenced(bibtex(), "bibtex"),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


FIELDS = {
    "file_name": "of the picture; several samples may show one",
    "caption": "what a captioner is trained on",
    "sample_id": "IMAGE_ID#POSITION of the caption that the sample began with, from 0; it never "
    "changes",
    "image_id": "of the photograph that the sample began with",
    "original_caption": "that it began with",
    "action": "of the last edit that changed the sample; null: it is as it was",
    "edit_epoch": "the epoch after which that was; 0: before training",
    "score": "by which the sample was chosen for it; null: it was not chosen by a score",
    "synthetic": "whether the picture was drawn by a text-to-image generator",
    "prompt": "that it was drawn from",
    "image_seed": "of the noise that it was drawn from",
    "generator": "SHA-256 of the generator that drew it",
    "licence": "of the photograph, where the sample shows it and its licence is known",
    "author": "of the photograph, likewise",
    "source_url": "that the photograph is from, likewise",
}


def _head(contents: Contents, form: Format) -> dict[str, Any]:
    rows = [row for found in contents.splits.values() for row in found]
    head: dict[str, Any] = hub_licence(_licences(rows))
    head |= {
        "pretty_name": contents.about.title,
        "task_categories": ["image-to-text"],
        "size_categories": [size_category(len(rows))],
        "tags": ["image-captioning", "data-curation", "caption-curation"],
    }
    if any(row.synthetic for row in rows):
        head["tags"].append("synthetic")
    if form.data_files:
        files = [
            {"split": HUB[split], "path": form.data_files.format(split=HUB[split])}
            for split in contents.splits
        ]
        head["configs"] = [{"config_name": "default", "data_files": files}]
    if form.typed:
        head["dataset_info"] = {"features": _features(rows)}
    return head


def _in_quotes(text: str) -> str:
    """Text between two double quotes of Python."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def size_category(samples: int) -> str:
    """What the hub calls a number of samples."""
    return next((name for name, limit in SIZES.items() if samples < limit), LARGER)


def _features(rows: Iterable[Row]) -> Any:
    """The columns of WebDataset's samples, as the hub writes them."""
    from datasets import Features, Image, Value

    from caption_curation.exports.tables import features

    endings = sorted({row.file_name.rpartition(".")[2].lower() for row in rows})
    columns = {ending: Image() for ending in endings}
    columns |= {"json": dict(features()), "txt": Value("string")}
    columns |= {"__key__": Value("string"), "__url__": Value("string")}
    return Features(columns)._to_yaml_list()


def _summary(contents: Contents, form: Format) -> str:
    drawn = sum(row.synthetic for row in contents.splits["train"])
    text = (
        "A data set for image captioning whose training samples, pairs of a picture and a caption, "
        "were curated while a captioner learned from them: hard ones were removed, or given "
        "another caption or another picture."
    )
    if drawn:
        text += f" {drawn:,} samples show a synthetic picture."
    return f"{text} It is written as {form.title}."


def _counts(contents: Contents) -> str:
    rows = []
    for split, found in contents.splits.items():
        pictures = {row.file_name for row in found}
        synthetic = {row.file_name for row in found if row.synthetic}
        rows.append(
            [
                HUB[split],
                f"{len(found):,}",
                f"{len(pictures):,}",
                f"{len(synthetic):,}",
                f"{sum(row.caption != row.original_caption for row in found):,}",
            ]
        )
    head = ("split", "samples", "pictures", "of them synthetic", "samples with another caption")
    return table(head, rows)


def _outcomes(contents: Contents) -> str:
    about = contents.about
    removed = about.corpus_samples - len(contents.splits["train"])
    text = (
        f"The corpus's training split had {about.corpus_samples:,} samples; {removed:,} of them "
        "were removed. What became of the samples that were chosen:"
    )
    if not about.outcomes:
        return f"The training set is the corpus's training split, {about.corpus_samples:,} samples."
    return f"{text}\n\n{outcomes_table(about.outcomes)}"


def outcomes_table(outcomes: Mapping[str, Mapping[str, int]]) -> str:
    """What became of samples that were chosen, by when.

    Args:
        outcomes: as :class:`~.rows.About` has them; of one time at least.
    """
    names = [name for name in EDIT_LABELS if any(name in found for found in outcomes.values())]
    rows = [
        [when, *(f"{found.get(name, 0):,}" for name in names)] for when, found in outcomes.items()
    ]
    return table(("when", *(EDIT_LABELS[name] for name in names)), rows)


def _examples(rows: Sequence[Row]) -> list[str]:
    """Some samples that were changed; none where nothing was."""
    changed = list(islice((row for row in rows if row.action is not None), EXAMPLES))
    if not changed:
        return []
    head = ("sample", "action", "after epoch", "score", "original caption", "caption")
    cells = [
        (
            row.sample_id,
            row.action,
            row.edit_epoch,
            "" if row.score is None else f"{row.score:.3f}",
            row.original_caption,
            "the same" if row.caption == row.original_caption else row.caption,
        )
        for row in changed
    ]
    return [f"The first {len(changed)} of the samples that were changed:", table(head, cells)]


def _licences(rows: Iterable[Row]) -> Counter[str | None]:
    """Pictures by licence; ``None``: photographs whose licence is not known."""
    of_pictures = {row.file_name: row.licence for row in rows if not row.synthetic}
    return Counter(of_pictures.values())


def _licence_notes(contents: Contents) -> str:
    rows = [row for found in contents.splits.values() for row in found]
    licences = _licences(rows)
    notes = [
        "Photographs and captions stay under the licences of the corpus that they are from; "
        "exporting them grants nothing."
    ]
    if set(licences) <= {None}:
        notes.append(
            "The corpus's input names no licences: whoever passes this data set on must find out "
            "which hold."
        )
    else:
        cells = [
            (UNKNOWN if name is None else name, f"{number:,}")
            for name, number in sorted(licences.items(), key=lambda item: (-item[1], str(item[0])))
        ]
        notes.append(table(("licence", "photographs"), cells))
    if any(row.synthetic for row in rows):
        drawn_by = contents.about.drawn_by
        source = f" ({literal(drawn_by)})" if drawn_by else ""
        notes.append(
            "Synthetic pictures were drawn by a generator that was fine-tuned on captioned "
            f"photographs; the licence of the model that it was made from{source} may bind what is "
            "done with its pictures."
        )
    return "\n\n".join(notes)


def flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Dotted names and values, as text."""
    found = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            found += flat(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", str(value)))
    return found

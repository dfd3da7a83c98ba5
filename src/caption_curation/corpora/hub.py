"""Data sets on the Hugging Face hub, at a pinned commit, in any form that ``datasets`` reads.

The hub's client gets the files of the commit into its own cache; ``datasets`` then streams them
from there, which neither asks the hub again nor keeps a copy of the pictures.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from caption_curation.config.corpus_forms import CorpusSource, HubSource
from caption_curation.config.inputs import CorpusFiles
from caption_curation.config.splits import HubSplits
from caption_curation.corpora.listing import Listing, PlacedFaults, Where
from caption_curation.corpora.parquet import picture_bytes, row_with_picture
from caption_curation.corpora.rows import CaptionRow, columns_needed, listing_of, row_shape
from caption_curation.corpora.tables import lacking
from caption_curation.support.errors import InputError
from caption_curation.support.extras import need_data


class NotHere(InputError):
    """A data set is not in the local cache, or not all of it."""


@dataclass(frozen=True, slots=True)
class HubSplit:
    """A split of a downloaded data set; a place in it is the row, from 0."""

    folder: Path
    config: str | None
    split: str
    column: str

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows, each with its picture as a dictionary that has its ``bytes``."""
        for values in _stream(self.folder, self.config, self.split, self.column):
            values[self.column] = _with_bytes(values.get(self.column), self.folder)
            yield values

    def contents(self, places: Sequence[tuple[int, ...]]) -> Iterator[bytes]:
        """The bytes in these rows, which ascend."""
        wanted = {row for (row,) in places}
        for row, values in enumerate(self.rows()):
            if row in wanted and (content := picture_bytes(values[self.column])) is not None:
                yield content


def list_hub(source: HubSource, files: CorpusFiles) -> Listing:
    """The pictures of a data set, which is downloaded first if the profile says so.

    Raises:
        NotHere: it is not in the local cache, and is not to be downloaded.
        InputError: it cannot be downloaded, or has no such configuration or split.
    """
    need_data(f"source: hub ({source.id})")
    folder = _snapshot(source)
    faults = PlacedFaults()
    rows = (
        row
        for name, split in _splits(source, folder)
        for row in _rows(source, folder, name, split, faults)
    )
    given = "given" if isinstance(source.splits, HubSplits) else source.splits
    return listing_of(rows, files.images, given, faults)


def without_download(source: CorpusSource) -> CorpusSource:
    """The same source; one on the hub as it is read from the local cache alone."""
    if isinstance(source, HubSource):
        return source.model_copy(update={"download": False})
    return source


def _snapshot(source: HubSource) -> Path:
    """The folder with the files of the commit."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import IncompleteSnapshotError, LocalEntryNotFoundError

    name = f"data set {source.id}, revision {source.revision}"
    try:
        folder = snapshot_download(
            source.id,
            repo_type="dataset",
            revision=source.revision,
            local_files_only=not source.download,
        )
    # Besides its own errors, the client lets those of two HTTP libraries through.
    except Exception as error:
        absent = isinstance(error, LocalEntryNotFoundError | IncompleteSnapshotError)
        if absent and not source.download:
            raise NotHere(
                f"{name}: not in the local cache, or not all of it; `download: true` in the "
                "profile gets it from the Hugging Face hub"
            ) from error
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"{name}: cannot be obtained from the Hugging Face hub "
            f"({type(error).__name__}: {reason})"
        ) from error
    return Path(folder)


def _splits(source: HubSource, folder: Path) -> list[tuple[str, str | None]]:
    """The data set's splits to read, each with ours where the profile says it."""
    from datasets import get_dataset_split_names

    with _readable(folder):
        names = get_dataset_split_names(str(folder), source.config)
    if not isinstance(source.splits, HubSplits):
        return [(name, None) for name in names]
    wanted = source.splits.model_dump(exclude_none=True)
    if missing := [name for name in wanted.values() if name not in names]:
        raise InputError(
            f"data set {source.id}: no split {', '.join(map(repr, missing))}; "
            f"there are {', '.join(map(repr, names))}"
        )
    return [(name, split) for split, name in wanted.items()]


def _rows(
    source: HubSource, folder: Path, name: str, split: str | None, faults: PlacedFaults
) -> Iterator[CaptionRow]:
    columns = source.columns
    shape = row_shape(columns, columns.file_name)
    needed = columns_needed(columns, columns.file_name, columns.image)
    store = HubSplit(folder, source.config, name, columns.image)
    for number, values in enumerate(store.rows()):
        if number == 0 and (missing := sorted(needed - values.keys())):
            faults.add(Where("", "split", name), lacking(missing, list(values)))
            return
        where = Where(f"split {name}", "row", number)
        row = row_with_picture(values, shape, columns, where, faults, store)
        if row is not None:
            yield replace(row, split=split or row.split, told_by=(name,))


def _stream(folder: Path, config: str | None, split: str, column: str) -> Iterator[dict[str, Any]]:
    from datasets import Image, load_dataset

    with _readable(folder):
        rows = load_dataset(str(folder), config, split=split, streaming=True)
        if column in (rows.features or {}):
            rows = rows.cast_column(column, Image(decode=False))
        yield from rows


def _with_bytes(value: Any, folder: Path) -> Any:
    """A picture that is a file of the data set, with its bytes; whatever else as it is.

    A path in a table could be that of any file of this machine: only those of the commit are read.
    """
    if not isinstance(value, dict) or value.get("bytes") is not None:
        return value
    path = Path(value.get("path") or "")
    if path.is_relative_to(folder) and ".." not in path.parts and path.is_file():
        return value | {"bytes": path.read_bytes()}
    return value


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    """What ``datasets`` raises becomes one line; what readers of its rows raise does not."""
    try:
        yield
    except (GeneratorExit, InputError):
        raise
    except Exception as error:  # of its own, of pyarrow, of pandas, of a file's form
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"{folder}: datasets cannot read it ({type(error).__name__}: {reason})"
        ) from error

"""Tar shards: members ``KEY.jpg``, ``KEY.txt`` and ``KEY.json`` are a sample.

They are read with the standard library. ``webdataset`` and ``datasets`` take members for a sample
that stand side by side only, end a key at its first dot, and pass over what was cut short.
"""

import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tarfile import TarFile, TarInfo
from typing import Any

from caption_curation.config.corpus_forms import WebDatasetSource
from caption_curation.config.inputs import CorpusFiles
from caption_curation.corpora.inside import Inside
from caption_curation.corpora.listing import Listing, PlacedFaults, Where
from caption_curation.corpora.names import from_windows
from caption_curation.corpora.rows import (
    CaptionRow,
    caption_row,
    checked_row,
    listing_of,
    row_shape,
)
from caption_curation.corpora.tables import files_in, name_in, told_by
from caption_curation.image_index import digest_of
from caption_curation.support.errors import InputError
from caption_curation.support.reading import parse_json

PICTURES = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "ppm")
TEXT, RECORD = "txt", "json"
LARGEST_TEXT = 1 << 24  # bytes of a caption or of a record
COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
Members = dict[str, TarInfo]  # by ending


@dataclass(frozen=True, slots=True)
class TarShard:
    """An archive that is not compressed; a place in it is offset and size, in bytes."""

    path: Path

    def contents(self, places: Sequence[tuple[int, ...]]) -> Iterator[bytes]:
        """The bytes at these places."""
        with self.path.open("rb") as file:
            for offset, size in places:
                file.seek(offset)
                yield file.read(size)


def list_webdataset(source: WebDatasetSource, files: CorpusFiles) -> Listing:
    """The pictures of one shard, or of all shards in a folder.

    Raises:
        InputError: there is none, or it is no archive.
    """
    faults = PlacedFaults()
    rows = (
        row
        for path in files_in(files.annotations, (".tar",), "data.source webdataset")
        for row in _rows(source, path, files.annotations, faults)
    )
    return listing_of(rows, files.images, source.splits, faults)


def _rows(
    source: WebDatasetSource, path: Path, place: Path, faults: PlacedFaults
) -> Iterator[CaptionRow]:
    name, columns = name_in(path, place), source.columns
    shape = row_shape(columns, columns.file_name)
    with _opened(path) as tar:
        samples = _samples(tar, path, name, faults)
        for key, members in samples.items():
            where = Where(name, "sample", key)
            pictures = [ending for ending in members if ending in PICTURES]
            if len(pictures) != 1:
                if not _is_field_of_another(key, members, samples):
                    found = " and ".join(members[ending].name for ending in pictures)
                    faults.add(where, f"several pictures: {found}" if pictures else "no picture")
                continue
            if TEXT not in members and RECORD not in members:
                if not _is_field_of_another(key, members, samples):
                    faults.add(where, f"no caption: neither .{TEXT} nor .{RECORD}")
                continue
            values = _values(tar, members, where, faults)
            row = None if values is None else checked_row(shape, values, where, faults)
            if row is not None:
                member = members[pictures[0]]
                yield _row(row, where, path, member, told_by(path, place), columns.file_name)


def _row(
    row: Any, where: Where, path: Path, member: TarInfo, names: tuple[str, ...], named: str | None
) -> CaptionRow:
    inside = Inside(TarShard(path), (member.offset_data, member.size))
    # Without a column of names, a sample is a picture: two of one key are no captions of one.
    digest = f"{path} at {member.offset_data}"
    if named:
        digest = digest_of(next(inside.store.contents([inside.place])))
    return caption_row(
        row,
        where,
        file_name=from_windows(row.file_name if named else member.name),
        told_by=names,
        inside=inside,
        digest=digest,
    )


def _samples(tar: TarFile, path: Path, name: str, faults: PlacedFaults) -> dict[str, Members]:
    """The members of each sample, whatever their order; a key ends at the last dot of a name."""
    samples: dict[str, Members] = {}
    try:
        for member in tar:
            key, _, ending = member.name.removeprefix("./").rpartition(".")
            where = Where(name, "member", member.name)
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                faults.add(where, "not a plain file")
            elif not key or "/" in ending:
                continue  # a file without an ending
            elif ending.lower() in (members := samples.setdefault(key, {})):
                faults.add(where, "there twice")
            else:
                members[ending.lower()] = member
        # The library ends without a word where a header was cut off or damaged.
        with path.open("rb") as file:
            file.seek(tar.offset)
            if file.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
                raise tarfile.ReadError("it has no end")
    except tarfile.TarError as error:
        faults.add(Where(name, "file", path.name), f"was cut short, or is damaged ({error})")
    return samples


def _is_field_of_another(key: str, members: Members, samples: Mapping[str, Members]) -> bool:
    """Whether members are further fields of a sample: ``1.seg.png`` of ``1.jpg`` and ``1.txt``."""
    if {TEXT, RECORD} & members.keys() and members.keys() & set(PICTURES):
        return False
    while "." in key.rpartition("/")[2]:
        key = key.rpartition(".")[0]
        if samples.get(key, {}).keys() & set(PICTURES):
            return True
    return False


def _values(tar: TarFile, members: Members, where: Where, faults: PlacedFaults) -> Any:
    """The keys of a sample's record, and its text as ``txt``; ``None`` where one is unreadable."""
    texts = {
        ending: _text(tar, members[ending], where, faults)
        for ending in (RECORD, TEXT)
        if ending in members
    }
    if None in texts.values():
        return None
    if (record := texts.pop(RECORD, None)) is None:
        return texts
    try:
        content = parse_json(record)
    except InputError as error:
        faults.add(where, f".{RECORD}: not JSON: {error}")
        return None
    return content | texts if isinstance(content, dict) else content


def _text(tar: TarFile, member: TarInfo, where: Where, faults: PlacedFaults) -> str | None:
    if member.size > LARGEST_TEXT:
        faults.add(where, f"{member.name} has {member.size:,} bytes; allowed: {LARGEST_TEXT:,}")
        return None
    file = tar.extractfile(member)
    content = file.read() if file else b""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        faults.add(where, f"{member.name}: not UTF-8: byte 0x{content[error.start]:02x}")
        return None


def _opened(path: Path) -> TarFile:
    try:
        with path.open("rb") as file:
            beginning = file.read(8)
        for mark, kind in COMPRESSED.items():
            if beginning.startswith(mark):
                raise InputError(f"{path}: compressed by {kind}; unpack it to a plain .tar first")
        return tarfile.open(path, "r:")
    except tarfile.TarError as error:
        raise InputError(f"{path}: not a tar file, or a damaged one ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error

"""Parquet with the pictures inside, in the form of datasets on the Hugging Face hub.

``data/SPLIT-00000-of-00001.parquet`` has a row for each sample, whose column ``image`` holds the
picture's bytes and name. Samples that show one picture are neighbours mostly, and a file holds its
bytes once for the rows of a group: Parquet's dictionary encoding refers to them from there on.
"""

from pathlib import Path

from tqdm import tqdm

from caption_curation.exports.pictures import picture_bytes, shards
from caption_curation.exports.rows import Contents
from caption_curation.exports.splits import HUB

DATA = "data"
DICTIONARY = 1 << 30  # bytes of a group's dictionary at most; beyond it the bytes are repeated


def write_parquet(contents: Contents, folder: Path) -> None:
    """Write the rows of each split with their pictures."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from caption_curation.exports.tables import features, groups

    schema = features(image="image").arrow_schema
    home = folder / DATA
    home.mkdir()
    for split, rows in contents.splits.items():
        names = contents.pictures_of(split)
        parts = shards(contents, names)
        with tqdm(
            desc=f"writing {split}", unit="sample", total=len(rows), disable=None
        ) as progress:
            for number, part in enumerate(parts):
                inside = set(names[part.start : part.stop])
                file = f"{HUB[split]}-{number:05d}-of-{len(parts):05d}.parquet"
                with pq.ParquetWriter(
                    home / file, schema, dictionary_pagesize_limit=DICTIONARY
                ) as writer:
                    for group in groups([row for row in rows if row.file_name in inside]):
                        bytes_of = {
                            name: picture_bytes(contents.pictures[name])
                            for name in dict.fromkeys(row.file_name for row in group)
                        }
                        records = [
                            {
                                "image": {"bytes": bytes_of[row.file_name], "path": row.file_name},
                                **row.record(),
                            }
                            for row in group
                        ]
                        writer.write_table(pa.Table.from_pylist(records, schema=schema))
                        progress.update(len(group))

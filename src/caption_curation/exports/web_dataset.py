"""WebDataset: tar files in which the parts of a sample stand together and share a key.

``SPLIT-000000.tar`` has for each sample ``KEY.jpg`` (or the picture's own ending), ``KEY.json``
with its row and ``KEY.txt`` with its caption, as training code such as open_clip's reads them. A
picture that several samples show is there for each of them: such files are read from front to back.
"""

import json
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from caption_curation.exports.names import safe_stems
from caption_curation.exports.pictures import picture_bytes, shards
from caption_curation.exports.rows import Contents
from caption_curation.exports.splits import HUB

BEGINNING = 0.0  # of time, for files that are equal whenever they are written


def write_web_dataset(contents: Contents, folder: Path) -> None:
    """Write the samples of each split, in order."""
    from webdataset import TarWriter

    for split, rows in contents.splits.items():
        keys = safe_stems(row.sample_id for row in rows)
        parts = shards(contents, [row.file_name for row in rows])
        with tqdm(
            desc=f"writing {split}", unit="sample", total=len(rows), disable=None
        ) as progress:
            for number, part in enumerate(parts):
                file = folder / f"{HUB[split]}-{number:06d}.tar"
                # Opened here: the library takes a name for the address of anything.
                with (
                    file.open("wb") as stream,
                    TarWriter(stream, encoder=False, mtime=BEGINNING) as tar,
                ):
                    for row in rows[part.start : part.stop]:
                        ending = PurePosixPath(row.file_name).suffix.lower().removeprefix(".")
                        record = json.dumps(row.record(), ensure_ascii=False)
                        tar.write(
                            {
                                "__key__": keys[row.sample_id],
                                ending: picture_bytes(contents.pictures[row.file_name]),
                                "json": record.encode(),
                                "txt": row.caption.encode(),
                            }
                        )
                        progress.update()

"""An image folder, as ``datasets.load_dataset("imagefolder", data_dir=…)`` reads it.

``SPLIT/NAME`` are the pictures, and ``SPLIT/metadata.parquet`` has a row for each sample, several
of which may name one picture. It is no ``metadata.jsonl``: there the library guesses the type of
each column from the first rows of each split, and refuses two splits whose guesses differ, as they
do wherever a column holds nothing in one of them.
"""

from pathlib import Path

from tqdm import tqdm

from caption_curation.exports.pictures import copy_picture
from caption_curation.exports.rows import Contents
from caption_curation.exports.splits import HUB

METADATA = "metadata.parquet"


def write_image_folder(contents: Contents, folder: Path) -> None:
    """Write the pictures and the metadata of each split into a folder of its own."""
    from caption_curation.exports.tables import write_table

    for split, rows in contents.splits.items():
        home = folder / HUB[split]
        home.mkdir()
        for name in tqdm(
            contents.pictures_of(split), f"copying {split}", unit="image", disable=None
        ):
            copy_picture(contents.pictures[name], home / name)
        write_table(rows, home / METADATA)

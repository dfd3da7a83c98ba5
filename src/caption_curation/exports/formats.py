"""The forms of an export: one table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from caption_curation.exports.coco import write_coco
from caption_curation.exports.ids import write_ids
from caption_curation.exports.image_folder import write_image_folder
from caption_curation.exports.karpathy import write_karpathy
from caption_curation.exports.parquet import write_parquet
from caption_curation.exports.rows import Contents
from caption_curation.exports.web_dataset import write_web_dataset


@dataclass(frozen=True)
class Format:
    """A form of an export.

    Attributes:
        title: what it is, in some words.
        write: puts the contents into an empty folder.
        needs_data: whether it is written with packages of the extra ``data``.
        data_files: the files of a split, called as the hub does, as ``datasets`` finds them in the
            folder; empty: it does not read this form.
        typed: whether the card tells ``datasets`` the columns, which it would guess from the first
            rows, be they empty in them.
        usage: lines of Python that read it; ``FOLDER`` stands for the folder.
    """

    title: str
    write: Callable[[Contents, Path], None]
    usage: str
    needs_data: bool = False
    data_files: str = ""
    typed: bool = False


HUB_USAGE = 'from datasets import load_dataset\n\ndataset = load_dataset("FOLDER")'

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "image_folder": Format(
            "picture files, and a table of the samples",
            write_image_folder,
            HUB_USAGE,
            needs_data=True,
            data_files="{split}/**",
        ),
        "parquet": Format(
            "Parquet files with the pictures inside",
            write_parquet,
            HUB_USAGE,
            needs_data=True,
            data_files="data/{split}-*",
        ),
        "webdataset": Format(
            "tar files of samples, for training that reads from front to back",
            write_web_dataset,
            "import webdataset\n\n"
            'shards = webdataset.WebDataset("FOLDER/train-000000.tar", shardshuffle=False)\n'
            'for picture, caption in shards.decode("pil").to_tuple("jpg;png", "txt"):\n'
            "    ...",
            needs_data=True,
            data_files="{split}-*.tar",
            typed=True,
        ),
        "coco": Format(
            "COCO's captions JSON, and picture files",
            write_coco,
            "from pycocotools.coco import COCO\n\n"
            'captions = COCO("FOLDER/annotations/captions_train.json")',
        ),
        "karpathy": Format(
            "Karpathy's JSON, and picture files",
            write_karpathy,
            "import json\n\n"
            'images = json.load(open("FOLDER/dataset.json", encoding="utf-8"))["images"]',
        ),
        "ids": Format(
            "the ids of the samples that stay, and no data",
            write_ids,
            'ids = open("FOLDER/ids.txt", encoding="utf-8").read().splitlines()',
        ),
    }
)

"""Where the images lie that a user has drawn for a round."""

from collections.abc import Collection
from pathlib import Path

from caption_curation.corpora.names import confined_name
from caption_curation.rounds.columns import IMAGE_COLUMNS
from caption_curation.rounds.tables import check_rows, read_table
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.rows import Faults, shown

PICTURES = (".jpg", ".jpeg", ".png", ".webp")


def read_drawn(path: Path, known: Collection[str]) -> dict[str, str]:
    """The image file of each sample that one was drawn for, by sample id.

    Args:
        path: a folder of images that are called like their samples (``0001#2.png``), or a table
            (JSON Lines, CSV, Parquet) of ``sample_id`` and ``file_name``, relative to its folder.
        known: all sample ids.

    Raises:
        InputError: with every fault: unknown samples, samples with several images, files that are
            not there or lead out of the folder.
    """
    if path.is_dir():
        rows = {
            number: {"sample_id": file.stem, "file": file.name}
            for number, file in enumerate(sorted(path.iterdir()), start=1)
            if file.suffix.lower() in PICTURES
        }
        folder, faults = path, Faults("file")
    else:
        table = read_table(path)
        column = next((name for name in IMAGE_COLUMNS if name in table.columns), IMAGE_COLUMNS[0])
        rows = check_rows(table, {"sample_id": "sample_id", "file": column})
        folder, faults = path.parent, table.faults
    found: dict[str, str] = {}
    for number, row in rows.items():
        name, file = row["sample_id"], row["file"]
        if name not in known:
            faults.add(number, f"there is no sample {shown(name)}")
        elif name in found:
            faults.add(number, f"sample {shown(name)} has an image already: {found[name]}")
        elif fault := _fault_of(file, folder):
            faults.add(number, fault)
        else:
            found[name] = (folder / file).as_posix()
    if lines := faults.lines():
        raise InputError(list_faults(f"{path}: faults", lines))
    return found


def _fault_of(file: str, folder: Path) -> str | None:
    """What is wrong with the name of an image's file, relative to its folder."""
    found: list[str] = []
    name = confined_name(file, folder, folder.resolve(), found)
    if name is not None and not (folder / name).is_file():
        found.append(f"there is no file {shown(file)} in {folder}")
    return found[0] if found else None

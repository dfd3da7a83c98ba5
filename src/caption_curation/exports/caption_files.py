"""Captions of pictures as a file, or as an image folder."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from caption_curation.support.errors import InputError
from caption_curation.support.outputs import atomic_folder, link_or_copy, write_atomically

COLUMNS = ("file_name", "caption")
METADATA = "metadata.jsonl"


def check_out(out: Path) -> None:
    """Refuse what is there already, and endings that are of no form.

    Raises:
        InputError: naming it.
    """
    if out.suffix and out.suffix not in FILES:
        raise InputError(
            f"--out {out}: allowed: a name that ends in {', '.join(FILES)}, or the name of a "
            "folder without an ending"
        )
    if out.exists() and not (out.is_dir() and not out.suffix and not any(out.iterdir())):
        raise InputError(f"--out: {out} exists; name another, or remove it")


def write_captions(captions: Mapping[str, str], pictures: Path, out: Path) -> None:
    """Write captions; the file or folder appears when it is complete.

    Args:
        captions: by name of the picture.
        pictures: the folder that names are relative to.
        out: ``.csv`` with columns, ``.json`` with a list or ``.jsonl``, both of objects; or a
            folder for copies (hard links where possible) of the pictures and ``metadata.jsonl``,
            as ``datasets.load_dataset("imagefolder", …)`` reads it.
    """
    if out.suffix:
        write_atomically(out, FILES[out.suffix](captions))
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(out) as folder:
        for name in captions:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            link_or_copy((pictures / name).resolve(), folder / name)
        write_atomically(folder / METADATA, _json_lines(captions))


def _csv(captions: Mapping[str, str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(captions.items())
    return text.getvalue()


def _json(captions: Mapping[str, str]) -> str:
    return "[\n" + ",\n".join(_json_lines(captions).splitlines()) + "\n]\n"


def _json_lines(captions: Mapping[str, str]) -> str:
    records = (dict(zip(COLUMNS, pair, strict=True)) for pair in captions.items())
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


FILES: Mapping[str, Callable[[Mapping[str, str]], str]] = {
    ".csv": _csv,
    ".json": _json,
    ".jsonl": _json_lines,
}

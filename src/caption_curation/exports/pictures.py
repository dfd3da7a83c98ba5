"""Pictures of an export, byte for byte as they are in DVC's cache."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from caption_curation.exports.names import known_ending, safe_stems
from caption_curation.exports.rows import Contents, Picture
from caption_curation.image_index import digest_of
from caption_curation.pictures.reading import read_header
from caption_curation.support.errors import InputError

SHARD = 400_000_000  # bytes of pictures in a file that holds many, about


def picture_names(pictures: Mapping[str, Picture]) -> dict[str, str]:
    """Safe names of exported pictures, each once, by the files that samples show."""
    stems = safe_stems(pictures)
    return {
        file: stems[file] + (known_ending(file) or _ending_of(picture.path))
        for file, picture in pictures.items()
    }


def _ending_of(path: Path) -> str:
    """The ending of what a file holds, for names that have none."""
    file_format = read_header(path).format
    return ".jpg" if file_format == "JPEG" else f".{file_format.lower()}"


def picture_bytes(picture: Picture) -> bytes:
    """The bytes of a picture.

    Raises:
        InputError: they are not those that the experiment had.
    """
    content = picture.path.read_bytes()
    if digest_of(content) != picture.md5:
        raise InputError(
            f"{picture.path}: its bytes are not what their MD5, {picture.md5}, says: the file in "
            "DVC's cache is damaged; remove it, and `dvc pull` or `dvc repro` gets it again"
        )
    return content


def copy_picture(picture: Picture, target: Path) -> None:
    """Copy a picture; see :func:`picture_bytes`."""
    target.write_bytes(picture_bytes(picture))


def copy_pictures(contents: Contents, folder: Path) -> None:
    """Copy the pictures of all splits into one folder, which is made."""
    folder.mkdir(parents=True)
    for name, picture in tqdm(contents.pictures.items(), "copying", unit="image", disable=None):
        copy_picture(picture, folder / name)


def shards(contents: Contents, file_names: Sequence[str], largest: int = SHARD) -> list[range]:
    """Which of some pictures go into one file: neighbours, of about ``largest`` bytes together.

    Args:
        contents: has the pictures.
        file_names: in order; the same may come again, and takes room each time.
        largest: number of bytes; a picture that is larger has a file of its own.
    """
    found: list[range] = []
    start = size = 0
    for position, name in enumerate(file_names):
        own = contents.pictures[name].path.stat().st_size
        if position > start and size + own > largest:
            found.append(range(start, position))
            start, size = position, 0
        size += own
    return [*found, range(start, len(file_names))] if file_names else found

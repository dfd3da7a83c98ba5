"""Lists of image files: written and read, and what is said of files that are not there."""

from pathlib import Path

import pytest

from caption_curation.image_index import ImageFile, index_of, read_index, split_files, write_index
from caption_curation.support.errors import InputError

CORPUS = Path("data/corpus")


def listed(folder: Path, names: list[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A corpus whose list has these images; all their files are there."""
    monkeypatch.chdir(folder)
    files = [f"data/corpus/images/{name}" for name in names]
    for number, file in enumerate(files):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_bytes(bytes([number]))
    write_index(index_of(CORPUS, "val"), [ImageFile(file, "d1") for file in files])
    return files


def test_a_list_keeps_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = listed(tmp_path, ["b.jpg", "a.jpg", "val2014/ü.jpg"], monkeypatch)
    assert read_index(index_of(CORPUS, "val")) == [ImageFile(file, "d1") for file in files]
    assert split_files(CORPUS, "val") == [Path(file) for file in files]
    lines = index_of(CORPUS, "val").read_text(encoding="utf-8").splitlines()
    assert lines[0] == '{"file": "data/corpus/images/b.jpg", "md5": "d1"}'


def test_missing_images_are_named_with_the_command_that_fetches_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = listed(tmp_path, ["a.jpg", "b.jpg", "c.jpg", "val2014/d.jpg"], monkeypatch)
    for file in (files[1], files[3]):
        Path(file).unlink()
    with pytest.raises(InputError) as caught:
        split_files(CORPUS, "val")
    message = str(caught.value)
    assert "`dvc pull data/corpus/images data/corpus/images/val2014`" in message
    assert [file for file in files if file in message] == [files[1], files[3]]

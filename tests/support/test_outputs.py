"""Outputs are there whole or not at all, and what DVC linked from its cache is never written to."""

from pathlib import Path

import pytest

from caption_curation.support.outputs import atomic_folder, link_or_copy, write_atomically


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "scores"
    killed = tmp_path / "scores.partial"
    for folder, name in ((target, "old"), (killed, "of a process that was killed")):
        folder.mkdir()
        (folder / name).write_text("")
    with atomic_folder(target) as folder:
        (folder / "new").write_text("")
        assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in target.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_stays_as_it_was_when_building_it_fails(tmp_path: Path) -> None:
    target = tmp_path / "scores"
    target.mkdir()
    (target / "old").write_text("")
    with pytest.raises(ZeroDivisionError), atomic_folder(target) as folder:
        (folder / "new").write_text("")
        raise ZeroDivisionError
    assert [path.name for path in target.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_is_replaced_and_not_what_it_is_linked_to(tmp_path: Path) -> None:
    cached, output = tmp_path / "cached", tmp_path / "reports" / "page.html"
    cached.write_text("old")
    output.parent.mkdir()
    link_or_copy(cached, output)
    assert output.samefile(cached)
    write_atomically(output, "a line\nanother, größer\n")
    assert output.read_bytes() == "a line\nanother, größer\n".encode()
    assert cached.read_text() == "old"
    assert list(output.parent.iterdir()) == [output]

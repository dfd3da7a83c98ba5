"""What a killed stage saved stays until the same work is finished, or for a month."""

import os
import time
from pathlib import Path

import pytest

from caption_curation.support.unfinished import (
    ABANDONED,
    FOLDER,
    bytes_of,
    remove_unfinished,
    unfinished,
    unfinished_work,
)

DAY = 24 * 60 * 60


def leave(cache: Path, name: str, days_ago: float = 0) -> Path:
    """What a killed stage leaves: a folder, and the file that it had locked."""
    folder = cache / FOLDER / name
    folder.mkdir(parents=True)
    (folder / "part").write_bytes(b"1234567")
    folder.with_name(f"{name}.lock").touch()
    then = time.time() - days_ago * DAY
    os.utime(folder, (then, then))
    return folder


def test_finished_work_leaves_nothing(tmp_path: Path) -> None:
    with unfinished_work(tmp_path, "train-1") as folder:
        assert folder is not None and not folder.exists()
        folder.mkdir()
        (folder / "part").touch()
    assert list((tmp_path / FOLDER).iterdir()) == []
    with unfinished_work(tmp_path, "train-1"):
        pass  # nothing was saved
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_killed_work_is_taken_up_again(tmp_path: Path) -> None:
    left = leave(tmp_path, "train-1")
    with unfinished_work(tmp_path, "train-2") as other:
        assert other is not None and not other.exists()
    with unfinished_work(tmp_path, "train-1") as folder:
        assert folder == left and (folder / "part").read_bytes() == b"1234567"
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_failed_work_stays(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        unfinished_work(tmp_path, "train-1") as folder,
    ):
        assert folder is not None
        folder.mkdir()
        raise KeyboardInterrupt
    assert folder is not None and folder.is_dir()
    assert unfinished(tmp_path) == [folder]


def test_two_stages_never_share_a_folder(tmp_path: Path) -> None:
    with unfinished_work(tmp_path, "train-1") as folder:
        assert folder is not None
        folder.mkdir()
        with unfinished_work(tmp_path, "train-1") as second:
            assert second is None
        assert folder.is_dir()


def test_what_nobody_took_up_for_a_month_goes(tmp_path: Path) -> None:
    old, young = leave(tmp_path, "train-1", ABANDONED + 1), leave(tmp_path, "train-2", 3)
    assert unfinished(tmp_path) == [old, young]
    assert unfinished(tmp_path, ABANDONED) == [old]
    assert bytes_of(young) == 7
    with unfinished_work(tmp_path, "score-1"):
        assert not old.exists() and young.exists()


def test_a_running_stages_folder_is_not_removed(tmp_path: Path) -> None:
    left = leave(tmp_path, "train-2")
    with unfinished_work(tmp_path, "train-1") as folder:
        assert folder is not None
        folder.mkdir()
        os.utime(folder, (0, 0))
        assert remove_unfinished(tmp_path) == 1
        assert folder.exists() and not left.exists()

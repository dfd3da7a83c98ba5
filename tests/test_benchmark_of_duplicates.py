"""The table of what the search for duplicates finds."""

import sys
from pathlib import Path

import pytest

from benchmarks import duplicates
from tests.corpora.duplicates.test_pictures import photograph


def test_the_table_of_a_few_photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number in range(6):
        photograph(number).save(folder / f"{number}.png")
    page = tmp_path / "page.md"
    page.write_text("before\n" + "\n".join(duplicates.MARKERS) + "\nafter\n")
    monkeypatch.setattr(duplicates, "PAGE", page)
    monkeypatch.setattr(duplicates, "SCENES", 12)
    monkeypatch.setattr(sys, "argv", ["duplicates", str(folder)])
    duplicates.main()
    lines = page.read_text().splitlines()
    assert "| JPEG, quality 90 | 100.0 % | **100.0 %** |" in lines
    assert "| plain, in different colours (1,770) | 1,770 | **0** |" in lines
    (different,) = [line for line in lines if line.startswith("| different photographs (")]
    assert different.endswith("**0** |")

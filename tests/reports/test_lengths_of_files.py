"""Caption lengths of any two corpora, by the command."""

import csv
import json
from pathlib import Path

import pytest

from tests.commands.console import fail, succeed

KARPATHY = {"images": [{"sentences": [{"raw": "a dog"}, {"raw": "a dog runs"}]}]}
COCO = {"images": [{"id": 1}], "annotations": [{"caption": "one two three four"}]}
LINES = '{"captions": ["a b", "c"]}\n\n{"caption": "x y"}\n'


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("karpathy.json").write_text(json.dumps(KARPATHY))
    Path("coco.json").write_text(json.dumps(COCO))
    Path("train.jsonl").write_text(LINES)


def test_three_forms_in_one_figure(files: None) -> None:
    words = ["one=karpathy.json", "two=coco.json", "three=train.jsonl"]
    printed = succeed("caption-lengths", *words, "--to", "out")
    assert "one: 2 captions of 2.5 words on average" in printed
    with Path("out/caption_lengths.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["corpus", "words", "captions"],
            *(["one", "2", "1"], ["one", "3", "1"]),
            ["two", "4", "1"],
            *(["three", "1", "1"], ["three", "2", "2"]),
        ]
    assert "three (3 captions)" in Path("out/caption_lengths.svg").read_text()
    assert Path("out/caption_lengths.png").stat().st_size > 1000
    succeed("caption-lengths", "again=coco.json", "--to", "out")  # in place of the last ones


def test_what_is_refused(files: None) -> None:
    said = fail("caption-lengths", "coco.json", "a=coco.json", "a=coco.json", "--to", "out")
    assert "'coco.json': expected NAME=FILE" in said
    assert "the name is there twice" in said
    Path("other.json").write_text('{"images": []}')
    assert "no captions; expected Karpathy's JSON" in fail(
        "caption-lengths", "a=other.json", "--to", "out"
    )
    Path("bad.jsonl").write_text('{"captions": ["x"]}\n{}\n[]\n')
    said = fail("caption-lengths", "a=bad.jsonl", "--to", "out")
    assert "lines 2, 3: neither a list 'captions' nor a 'caption'" in said
    assert not Path("out").exists()
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years of work")
    assert "there is something else already" in fail(
        "caption-lengths", "a=coco.json", "--to", "mine"
    )
    assert Path("mine/thesis.txt").exists()

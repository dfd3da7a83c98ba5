"""The generated pages of the reference say what the code says, and their example runs."""

import re
from pathlib import Path

import pytest

from docs import commands, epoch, parameters
from tests.conftest import REPOSITORY


def test_the_page_of_parameters_is_up_to_date() -> None:
    written = parameters.PAGE.read_text(encoding="utf-8")
    assert written == parameters.page(), "run `python -m docs.parameters`"


def test_the_page_of_commands_is_up_to_date() -> None:
    written = commands.PAGE.read_text(encoding="utf-8")
    assert written == commands.page(), "run `python -m docs.commands`"


def test_the_page_and_the_picture_of_an_epoch_are_up_to_date() -> None:
    assert epoch.PAGE.read_text(encoding="utf-8") == epoch.page(), "run `python -m docs.epoch`"
    assert epoch.PICTURE.read_text(encoding="utf-8") == epoch.picture(), (
        "run `python -m docs.epoch`"
    )


def test_the_longer_example_in_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (REPOSITORY / "docs/reference/api.md").read_text(encoding="utf-8")
    _, example = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "data/corpus").mkdir(parents=True)
    (tmp_path / "data/epochs/1").mkdir(parents=True)
    (tmp_path / "data/corpus/train.jsonl").write_text(
        '{"image_id": "7", "file_name": "7.jpg", "captions": ["a ring", "a red ring"]}\n'
    )
    loss = '{{"sample_id": "7#{}", "loss_sum": {}, "loss_mean": {}, "tokens": 2}}\n'
    losses = loss.format(0, 8.0, 4.0) + loss.format(1, 2.0, 1.0)
    (tmp_path / "data/epochs/1/losses.jsonl").write_text(losses)
    monkeypatch.chdir(tmp_path)
    exec(compile(example.replace("ratio=0.4", "ratio=0.5"), "api.md", "exec"), {})
    curated = (tmp_path / "samples.jsonl").read_text().splitlines()
    assert len(curated) == 2
    assert '"caption": "a red ring"' in curated[0]  # the harder one, with the other caption

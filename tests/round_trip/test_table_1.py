"""The command for the paper's Table 1 in docs/how-to/round-trip.md, set as DVC sets it."""

import re
import shlex
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides, get_hydra_sweeps

from caption_curation.config.params import load_params
from caption_curation.paper.numbers import table_1
from caption_curation.reports.round_trip.beside_paper import paper_rows
from caption_curation.round_trip.parameters import OTHER_CAPTIONER, load_round_trip
from tests.conftest import REPOSITORY

FILES = ("params.yaml", "profiles/flickr30k.yaml", "stages/round_trip/params.yaml")


def test_the_documented_command_asks_for_every_row_of_table_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    page = (REPOSITORY / "docs/how-to/round-trip.md").read_text()
    [command] = re.findall(r"^dvc exp run stages/round_trip.*?(?=\n```)", page, re.M | re.S)
    words = shlex.split(command.replace("\\\n", " "))
    settings = [value for flag, value in pairwise(words) if flag == "-S"]
    assert len(settings) == len([word for word in words if word == "-S"]) == 10
    [sweep] = get_hydra_sweeps(to_path_overrides(settings))
    for name, overrides in sweep.items():
        apply_overrides(Path(name), overrides)
    round_trip = load_round_trip()
    found = paper_rows(load_params(), round_trip)
    assert sorted(map(repr, found.values())) == sorted(map(repr, table_1()))
    assert Path(round_trip.captioner) == OTHER_CAPTIONER
    apply_overrides(Path("params.yaml"), ["evaluation.language=de"])
    assert paper_rows(load_params(), round_trip) == {}

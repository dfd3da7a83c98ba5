"""``caption-curation review``: where decisions go, what to run next, what is refused."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.console import console
from tests.conftest import set_inputs
from tests.review.workspaces import run_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    with run_workspace(tmp_path / "run", method="replace_caption", ratio=0.4):
        yield tmp_path / "run"


def start(*options: object) -> str:
    """All that the command says on a port that is in use, where it would begin to serve."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        ended = console("review", "--host", "127.0.0.1", "--port", port, *options)
    assert ended.status == (2 if "--help" in ended.err else 1)
    return ended.out + ended.err


def test_decisions_go_beside_the_empty_default_and_the_next_command_is_told(
    workspace: Path,
) -> None:
    said = start()
    assert "0 of 8 samples of the workspace, epoch 1, are decided" in said
    assert "saved in decisions.jsonl\n" in said
    assert "dvc exp run -S inputs.decisions=decisions.jsonl\n" in said
    assert "in use" in said
    assert "a b.jsonl\n" in (said := start("--out", "a b.jsonl"))
    assert "dvc exp run -S 'inputs.decisions=a b.jsonl'\n" in said
    Path("mine.jsonl").touch()
    set_inputs(Path(), decisions="mine.jsonl")
    assert "saved in mine.jsonl\nwhat does what was decided: dvc repro\n" in start()


def test_the_empty_default_stays_empty(workspace: Path) -> None:
    for out in ("defaults/decisions.jsonl", workspace / "defaults/../defaults/decisions.jsonl"):
        assert "stays empty; name a file of your own" in start("--out", out)
    assert "is a folder" in start("--out", "defaults")


def test_all_faults_of_the_file_are_told_first(workspace: Path) -> None:
    Path("decisions.jsonl").write_text(
        '{"epoch": 1, "sample_id": "z#0", "decision": "accept"}\n'
        '{"epoch": 1, "sample_id": "i0#0", "decision": "accept"}\n'
        '{"epoch": 1, "sample_id": "i0#0", "decision": "reject"}\n'
    )
    said = start()
    assert re.search(r"(?s)decisions.jsonl: faults \(2\):.*line 1: .*z#0.*line 3: line 2", said)


def test_decisions_about_others_are_counted(workspace: Path) -> None:
    Path("decisions.jsonl").write_text(
        "".join(
            f'{{"epoch": 1, "sample_id": "i{image}#{n}", "decision": "accept"}}\n'
            for image in range(4)
            for n in range(5)
        )
    )
    said = start()
    assert "8 of 8 samples" in said
    assert "12 decisions are about samples that this epoch did not choose" in said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--epoch", "4"), "--epoch 4: after the last of 4 epochs nothing is curated"),
        (("--epoch", "0"), "the workspace chose no sample after epoch 0"),
        (("--epoch", "3"), r"data/epochs/3/proposals.jsonl is not there: `dvc repro` makes it"),
        (("--host", "0.0.0.0"), "a password of at least 8 characters"),
        (("--port", "99999"), "65535"),
    ],
)
def test_what_cannot_be_reviewed(workspace: Path, options: tuple[str, ...], message: str) -> None:
    assert re.search(message, start(*options))


def test_elsewhere_there_is_nothing_to_review(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "`cd` to the project's folder" in start()

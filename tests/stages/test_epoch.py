"""An epoch's stages from files to files: what they leave to training, and what they refuse."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.edits import read_edits
from caption_curation.image_index import digest_of, read_index
from caption_curation.samples import (
    read_samples,
    write_json_lines,
)
from caption_curation.shown_images import shown_files
from caption_curation.support.errors import InputError
from stages import parameters, scores
from tests.small_epochs import ALL_IDS, METHODS, run_epoch, write_workspace

Workspace = Callable[..., None]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Makes a new folder, with parameters and corpus, the current one."""

    def make(name: str, changes: Mapping[str, Any]) -> None:
        write_workspace(tmp_path / name, changes)
        monkeypatch.chdir(tmp_path / name)

    return make


def settled(epochs: int) -> list[tuple[bytes, bytes]]:
    """What training depends on."""
    return [
        (paths.samples(epoch).read_bytes(), paths.shown(epoch).read_bytes())
        for epoch in range(epochs)
    ]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("schedule", ["dynamic", "static"])
def test_nothing_accepted_leaves_training_what_no_curation_does(
    workspace: Workspace, method: str, schedule: str
) -> None:
    workspace("nothing", {"curation.method": "none"})
    for epoch in range(4):
        run_epoch(epoch)
    nothing = settled(4)
    curation = {"curation.method": method, "curation.schedule": schedule}
    workspace("rejected", curation)
    for epoch in range(4):
        run_epoch(epoch, rejected=ALL_IDS)
    edits = read_edits(*map(paths.edits, range(4)))
    assert any(edit.action == method for edit in edits)
    assert not any(edit.accepted for edit in edits if edit.action == method)
    assert settled(4) == nothing


@pytest.mark.parametrize("method", METHODS)
def test_samples_name_what_they_show_and_the_list_has_its_digest(
    workspace: Workspace, method: str
) -> None:
    workspace("run", {"curation.method": method})
    for epoch in range(4):
        run_epoch(epoch, rejected=ALL_IDS[::4])
        samples = read_samples(paths.samples(epoch))
        files = shown_files(samples)
        shown = read_index(paths.shown(epoch))
        assert [image.file for image in shown] == list(dict.fromkeys(s.file for s in samples))
        for image in shown:
            assert image.md5 == digest_of(Path(image.file).read_bytes())
        for sample in samples:
            expected = (
                f"{sample.image_id}"
                if sample.replicate is None
                else (f"{sample.image_id}-{sample.replicate}")
            )
            assert files[sample.sample_id].read_bytes().decode() == expected
    epochs_shown = {Path(str(s.file)).parent for s in samples}
    if method == "replace_image":
        assert len(epochs_shown) > 2, "photographs, and images of several epochs"
    assert "file_name" not in paths.samples(3).read_text()


def test_a_missing_image_is_named_with_the_command_that_fetches_it(workspace: Workspace) -> None:
    workspace("run", {"curation.method": "replace_image"})
    run_epoch(0)
    run_epoch(1)
    samples = read_samples(paths.samples(1))
    drawn = next(Path(str(s.file)) for s in samples if s.replicate is not None)
    drawn.unlink()
    with pytest.raises(InputError) as raised:
        shown_files(samples)
    assert str(drawn) in str(raised.value)
    assert "dvc pull data/epochs/1/synthetic" in str(raised.value)


def test_scores_of_a_file_are_checked_and_chosen_by(workspace: Workspace) -> None:
    workspace("run", {"curation.method": "remove", "curation.score": "file", "inputs.scores": "s"})
    Path("s").mkdir()
    run_scores = [{"sample_id": name, "score": number} for number, name in enumerate(ALL_IDS)]
    write_json_lines(Path("s/0.jsonl"), run_scores)
    write_json_lines(Path("s/1.jsonl"), run_scores)
    run_epoch(0)
    run_epoch(1)
    assert [edit.sample_id for edit in read_edits(paths.edits(1))] == ALL_IDS[:-5:-1]
    write_json_lines(Path("s/2.jsonl"), run_scores[:4])
    with pytest.raises(InputError, match=r"(?s)s/2.jsonl: faults \(4\).*no score of sample"):
        scores.main(2)


def test_without_a_score_from_a_file_none_is_read(workspace: Workspace) -> None:
    workspace("run", {"inputs.scores": "nowhere"})
    scores.main(0)
    assert paths.scores(0).read_bytes() == b""


def test_decisions_come_from_their_file(workspace: Workspace) -> None:
    workspace("run", {"curation.method": "remove", "inputs.decisions": "mine.jsonl"})
    decisions = [{"epoch": 1, "sample_id": name, "decision": "reject"} for name in ALL_IDS]
    write_json_lines(Path("mine.jsonl"), decisions)
    run_epoch(0)
    run_epoch(1)
    edits = read_edits(paths.edits(1))
    assert edits and {(edit.accepted, edit.decided_by) for edit in edits} == {(False, "person")}
    assert len(read_samples(paths.samples(1))) == len(ALL_IDS)
    uses = [json.loads(line) for line in paths.uses(1).read_text().splitlines()]
    rejected = {tuple(each) for record in uses for each in record["rejected"]}
    assert rejected == {(edit.sample_id, "remove", None) for edit in edits}


def test_nothing_to_train_on_is_said(workspace: Workspace) -> None:
    workspace("run", {"curation.ratio": 0.99, "inputs.decisions": "mine.jsonl"})
    rows = [{"epoch": 0, "sample_id": name, "decision": "remove"} for name in ALL_IDS]
    write_json_lines(Path("mine.jsonl"), rows)
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["curation"] |= {"schedule": "static", "method": "replace_image", "ratio": 1.0}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    with pytest.raises(InputError, match="nothing to train on"):
        run_epoch(0)
    assert not paths.curated(0).exists()


def test_inputs_that_are_not_there_are_told_first(workspace: Workspace) -> None:
    workspace("run", {"inputs.scores": "nowhere", "inputs.decisions": "mine.jsonl"})
    with pytest.raises(InputError) as raised:
        parameters.main()
    message = str(raised.value)
    assert "inputs.decisions: mine.jsonl: no such file" in message
    for epoch in range(4):
        assert f"inputs.scores: nowhere/{epoch}.jsonl: no such file" in message
    # A stage may write them later.
    workspace("given", {"inputs.scores": "nowhere", "curation.score": "file"})
    assert load_params().experiment.missing_inputs(Path()) == []

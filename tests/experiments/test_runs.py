"""A finished experiment's numbers, read from a cache that is laid out as DVC's is."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from caption_curation.curation.settings import Curation
from caption_curation.experiments.finished import FinishedExperiment
from caption_curation.experiments.given import NOTHING
from caption_curation.experiments.runs import Run, read_run
from stages import evaluate
from tests.experiments.records import CURATION
from tests.small_run import TEST, write_small_run

EPOCHS = 2
OUTPUTS = ("reports/evaluation", f"data/epochs/{EPOCHS}/history", "data/corpus")


def store(cache: Path, content: bytes, ending: str = "") -> str:
    digest = hashlib.md5(content).hexdigest() + ending
    path = cache / "files" / "md5" / digest[:2] / digest[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return digest


def stored_outputs(root: Path, cache: Path) -> dict[str, str]:
    """Put the outputs of a run into a cache; their hashes."""
    outputs = {}
    for output in OUTPUTS:
        listing = [
            {
                "md5": store(cache, path.read_bytes()),
                "relpath": path.relative_to(root / output).as_posix(),
            }
            for path in sorted((root / output).rglob("*"))
            if path.is_file()
        ]
        # As DVC does, which knows a folder's list by this ending.
        outputs[output] = store(cache, json.dumps(listing).encode(), ".dir")
    return outputs


def finished(root: Path, cache: Path) -> FinishedExperiment:
    outputs = stored_outputs(root, cache)
    parameters = {
        "profile": "demo",
        "seed": 3,
        "training": {"epochs": EPOCHS},
        "curation": {"method": "remove"},
    }
    return FinishedExperiment("mine", parameters, {}, outputs, [], cache, NOTHING)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    write_small_run(root, method="remove", epochs=EPOCHS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        evaluate.main()
    return root


def read(root: Path, cache: Path) -> Run:
    curation = Curation.model_validate({**CURATION, "method": "remove"})
    return read_run(finished(root, cache), curation, "demo")


def test_a_run_has_the_scores_of_its_test_images(workspace: Path, tmp_path: Path) -> None:
    run = read(workspace, tmp_path / "cache")
    assert run.images is not None
    assert run.images.image_ids == tuple(image.image_id for image in TEST)
    assert run.images.sums["cider"].mean() == pytest.approx(run.scores["cider"])
    assert "spice" not in run.images.sums and run.scores["spice"] is None


def test_a_run_that_finished_before_they_were_recorded_is_read_without(
    workspace: Path, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    shutil.copytree(workspace, old)
    (old / "reports/evaluation/images.jsonl").unlink()
    run = read(old, tmp_path / "cache")
    assert run.images is None
    assert run.scores == read(workspace, tmp_path / "cache").scores

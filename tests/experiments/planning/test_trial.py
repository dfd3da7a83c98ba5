"""Stages that run for real in a scratch folder, so that a plan knows their results."""

from pathlib import Path

from caption_curation.experiments.planning.trial import try_out
from tests.conftest import REPOSITORY


def test_the_check_of_parameters_finds_the_inputs_that_they_name(tmp_path: Path) -> None:
    """It reads all of them, though it depends on none."""
    versions = {Path("versions.yaml"): REPOSITORY / "versions.yaml"}
    try_out("python -m stages.parameters", versions, REPOSITORY, tmp_path / "trial")
    written = [path for path in (tmp_path / "trial").rglob("*") if path.is_file()]
    assert tmp_path / "trial/data/parameters.txt" in written

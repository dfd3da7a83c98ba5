"""A clone in which every stage counts as finished, though none has run: what would a change rerun?

Outputs are placeholders, and ``dvc commit`` records them in the locks. So a test sees in seconds
what DVC would run after a change, of all pipelines.
"""

from pathlib import Path

from dvc.repo import Repo

from tests.pipeline.clone import Clone


def record_all_stages(clone: Clone) -> None:
    """Make placeholders of all outputs, and record every stage as finished."""
    with Repo(str(clone.folder)) as repo:
        paths = [
            Path(str(entry.fs_path))
            for stage in repo.index.stages
            for entry in [*stage.outs, *stage.deps]
        ]
    folders = {parent for path in paths for parent in path.parents}
    for path in paths:
        if not path.exists():
            if path in folders:
                path.mkdir(parents=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{path.name}\n")
    clone.dvc("commit", "--force", "--quiet")


def changed_stages(clone: Clone) -> set[str]:
    """The stages whose dependencies or parameters are others than recorded, without their epochs.

    Those that follow from their outputs are not among them. Stages of other pipelines than the main
    one begin with its folder, as in ``round_trip:images``.
    """
    with Repo(str(clone.folder)) as repo:
        status = repo.status()
    found = set()
    for name in status:
        file, _, stage = name.rpartition(":")
        folder = Path(file).resolve().parent
        prefix = "" if folder == clone.folder or folder.name == "epochs" else f"{folder.name}:"
        found.add(prefix + stage.partition("@")[0])
    return found

"""Where DVC keeps its cache, which also holds what experiments share besides DVC's objects."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from caption_curation.support.errors import InputError


def dvc_cache_folder(root: Path = Path()) -> Path:
    """DVC's cache folder of the repository around ``root``; runs ``dvc``, about half a second.

    Raises:
        InputError: ``root`` is in no DVC repository, or DVC cannot read its configuration.
    """
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise InputError(
            f"{root.resolve()}: not in a DVC repository, or its configuration cannot be read; "
            f"`dvc cache dir` says: {result.stderr.strip()}"
        )
    return Path(result.stdout.strip())


def damaged_objects(output: Path, dvc_cache: Path) -> list[Path]:
    """The objects in DVC's cache of an output's files whose content has not their MD5.

    DVC itself does not notice, as it never reads again what it has made read-only.

    Args:
        output: a folder that a stage of ``dvc.yaml`` here wrote.
        dvc_cache: the cache's folder.

    Returns:
        Their files; none where DVC's records of the output cannot be read.
    """
    import yaml

    try:
        stages = yaml.safe_load(Path("dvc.lock").read_text(encoding="utf-8"))["stages"].values()
        digests = {out["path"]: out["md5"] for stage in stages for out in stage["outs"]}
        listing = json.loads(object_file(dvc_cache, digests[output.as_posix()]).read_bytes())
        objects = {entry["md5"]: object_file(dvc_cache, entry["md5"]) for entry in listing}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
        return []
    return [
        file
        for digest, file in objects.items()
        if file.is_file() and hashlib.md5(file.read_bytes()).hexdigest() != digest
    ]


def object_file(dvc_cache: Path, digest: str) -> Path:
    """Where the file or the folder's list of an MD5 lies, if it is there."""
    return dvc_cache / "files" / "md5" / digest[:2] / digest[2:]

"""Where DVC keeps its cache, which also holds what experiments share besides DVC's objects."""

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

"""The two files that SPICE needs and pip does not install: Stanford CoreNLP 3.6.0's parser."""

import os
import zipfile
from pathlib import Path

FILES = ("stanford-corenlp-3.6.0.jar", "stanford-corenlp-3.6.0-models.jar")
ARCHIVE = "https://nlp.stanford.edu/software/stanford-corenlp-full-2015-12-09.zip"
VARIABLE = "CAPTION_CURATION_SPICE"  # the environment variable that names another folder
FOLDER = "~/.cache/caption_curation/spice"


def machine_folder() -> Path:
    """The folder of the files on this machine."""
    return Path(os.environ.get(VARIABLE) or FOLDER).expanduser()


def missing_files(folder: Path) -> str | None:
    """What is wrong with SPICE's files in ``folder``, and what to do; None if they are there.

    The message is short and the same on every machine, since it becomes part of metrics.json.
    """
    missing = [name for name in FILES if not zipfile.is_zipfile(folder / name)]
    if not missing:
        return None
    return f"{' and '.join(missing)} must be in {FOLDER} (or ${VARIABLE})"

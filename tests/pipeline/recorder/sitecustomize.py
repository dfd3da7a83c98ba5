"""Writes down which parameters a stage reads, when this folder is on PYTHONPATH.

Python imports this module at start-up. In the process of a stage it replaces ``load_params`` by one
whose sections note every value that is read, and appends a line to the file that the environment
variable ``PARAMETER_LOG`` names: the command, then the dotted keys.
"""

import atexit
import json
import os
import sys
from pathlib import Path
from typing import Any

READ: set[str] = set()


class RecordingSection:
    """Stands for a section of the parameters, and looks like it to ``isinstance``."""

    def __init__(self, section: Any, path: str) -> None:
        self._section, self._path = section, path

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        if "source" in type(self._section).model_fields:  # its kind is what it says there
            READ.add(f"{self._path}.source".lstrip("."))
        return type(self._section)

    def __getattr__(self, name: str) -> Any:
        from pydantic import BaseModel

        value = getattr(self._section, name)
        if isinstance(value, BaseModel):
            return RecordingSection(value, f"{self._path}.{name}".lstrip("."))
        # A method, such as model_dump, reads the whole section.
        names = type(self._section).model_fields if callable(value) else [name]
        READ.update(f"{self._path}.{field}".lstrip(".") for field in names)
        return value


def record(log: str) -> None:
    sys.path.insert(0, str(Path("src").resolve()))
    from caption_curation.config import params

    load_params = params.load_params
    params.load_params = lambda *arguments: RecordingSection(load_params(*arguments), "")  # type: ignore[assignment]

    def write() -> None:
        with Path(log).open("a") as lines:
            lines.write(json.dumps([sys.orig_argv[2:], sorted(READ)]) + "\n")

    atexit.register(write)


words = [*sys.orig_argv[1:3], "", ""]
if "PARAMETER_LOG" in os.environ and words[0] == "-m" and words[1].startswith("stages."):
    record(os.environ["PARAMETER_LOG"])

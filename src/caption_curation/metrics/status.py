"""Why a metric is not computed: a file in the folder of what it would be computed with."""

import json
from pathlib import Path

FILE = "status.json"


def write_reason(folder: Path, reason: str | None) -> None:
    """Record in ``folder`` why the metric is not computed; None if it is."""
    text = json.dumps({"reason": reason}, indent=2) + "\n"
    (folder / FILE).write_text(text, encoding="utf-8")


def read_reason(folder: Path) -> str | None:
    """The reason that :func:`write_reason` recorded."""
    reason: str | None = json.loads((folder / FILE).read_text(encoding="utf-8"))["reason"]
    return reason

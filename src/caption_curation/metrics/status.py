"""Why a metric is not computed, as a file beside what it would be computed with."""

import json
from pathlib import Path

FILE = "status.json"


def write_reason(folder: Path, reason: str | None) -> None:
    """Say in ``folder`` why the metric is not computed; None: it is."""
    text = json.dumps({"reason": reason}, indent=2) + "\n"
    (folder / FILE).write_text(text, encoding="utf-8")


def read_reason(folder: Path) -> str | None:
    """What :func:`write_reason` wrote."""
    reason: str | None = json.loads((folder / FILE).read_text(encoding="utf-8"))["reason"]
    return reason

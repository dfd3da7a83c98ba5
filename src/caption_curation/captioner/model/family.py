"""Of which family a captioner is."""

import json
from pathlib import Path

from caption_curation.support.errors import InputError

FAMILIES = "caption_curation.captioner.families"  # the package with a module for each


def family_name(folder: Path) -> str:
    """The family's module, as ``model_type`` of a captioner's config.json names it.

    Raises:
        InputError: there is no such family.
    """
    file = folder / "config.json"
    try:
        name = json.loads(file.read_text(encoding="utf-8"))["model_type"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{file}: no configuration of a model ({error})") from error
    modules = Path(__file__).resolve().parent.parent / "families"
    known = sorted(path.stem for path in modules.glob("[!_]*.py"))
    if name not in known:
        raise InputError(f"{file}: model_type = {name!r}: allowed: {', '.join(known)}")
    return str(name)

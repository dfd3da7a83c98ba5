"""Of which family a generator is."""

import json
import re
from pathlib import Path

from caption_curation.support.errors import InputError

FAMILIES = "caption_curation.text_to_image.families"  # the package with a module for each


def family_name(folder: Path) -> str:
    """The family's module, as ``_class_name`` of a generator's model_index.json names it.

    ``stable_diffusion`` is that of ``StableDiffusionPipeline``.

    Raises:
        InputError: there is no such family.
    """
    file = folder / "model_index.json"
    try:
        pipeline = json.loads(file.read_text(encoding="utf-8"))["_class_name"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{file}: no index of a model ({error})") from error
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", str(pipeline).removesuffix("Pipeline")).lower()
    known = sorted(path.stem for path in (Path(__file__).parent / "families").glob("[!_]*.py"))
    if name not in known:
        raise InputError(
            f"{file}: _class_name = {pipeline!r}: allowed are pipelines of the families "
            f"{', '.join(known)}"
        )
    return name

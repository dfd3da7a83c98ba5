"""Write digests of the code of the captioner's and the generator's families."""

import json
from pathlib import Path

from caption_curation import paths
from caption_curation.captioner.model.family import CAPTIONERS
from caption_curation.config.params import load_params
from caption_curation.support.outputs import atomic_folder
from caption_curation.text_to_image.family import GENERATORS
from stages import run


def main() -> None:
    """Write which family each model is of, and a digest of each file that the family imports.

    Stages that use a model depend on its file here instead of on all families: mending one family
    reruns no experiment of another. One more says whether the generator is fine-tuned at all, for
    what does not depend on how.
    """
    chosen = {
        "captioner": (CAPTIONERS, paths.captioner(0)),
        "generator": (GENERATORS, paths.BASE_GENERATOR),
    }
    with atomic_folder(paths.FAMILIES) as folder:
        for part, (families, model) in chosen.items():
            name = families.name(model)
            record = {"family": name, "code": families.code(name, Path())}
            (folder / f"{part}.json").write_text(json.dumps(record, indent=1) + "\n")
        is_fine_tuned = load_params().profile.generator.fine_tuning.steps > 0
        (folder / paths.FINE_TUNED.name).write_text(json.dumps(is_fine_tuned) + "\n")


if __name__ == "__main__":
    run(main)

"""Check what the human study needs before any image is drawn."""

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.human_study.parameters import PARAMS_FILE, load_human_study
from caption_curation.samples import read_images
from caption_curation.support.errors import InputError
from stages import run
from stages.human_study import CHECKED


def main() -> None:
    """Write a file that always says the same, so that only a fault has consequences."""
    load_params()
    wanted = 2 * load_human_study().images_per_group
    validation = len(read_images(paths.CORPUS / "val.jsonl"))
    if validation < wanted:
        raise InputError(
            f"{PARAMS_FILE}: images_per_group = {wanted // 2}: two groups need {wanted} images, "
            f"and the validation split has {validation}"
        )
    CHECKED.parent.mkdir(parents=True, exist_ok=True)
    CHECKED.write_text("The parameters are valid.\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)

"""Check what the human study needs before any image is drawn."""

from pathlib import Path

from caption_curation import paths
from caption_curation.config.params import load_params
from caption_curation.human_study.parameters import PARAMS_FILE, load_human_study
from caption_curation.round_trip.parameters import PARAMS_FILE as ROUND_TRIP_FILE
from caption_curation.round_trip.parameters import load_round_trip
from caption_curation.samples import read_images
from caption_curation.support.errors import InputError
from stages import run
from stages.human_study import CHECKED
from stages.round_trip.parameters import MADE_BY_THE_PIPELINE, check_captioner


def main() -> None:
    """Write a file that always says the same, so that only a fault has consequences."""
    load_params()
    settings = load_human_study()
    asked_for = [variant.name for variant in load_round_trip().grid.variants]
    if settings.variant not in asked_for:
        raise InputError(
            f"{PARAMS_FILE}: variant = {settings.variant!r}: {ROUND_TRIP_FILE} asks for "
            f"{', '.join(asked_for)}"
        )
    if Path(settings.captioner) not in MADE_BY_THE_PIPELINE:
        check_captioner(settings.captioner, PARAMS_FILE)
    wanted = 2 * settings.images_per_group
    validation = len(read_images(paths.CORPUS / "val.jsonl"))
    if validation < wanted:
        raise InputError(
            f"{PARAMS_FILE}: images_per_group = {wanted // 2}: two groups need {wanted} images, "
            f"and the validation split has {validation}"
        )
    CHECKED.parent.mkdir(parents=True, exist_ok=True)
    CHECKED.write_text("The parameters are valid.\n", encoding="utf-8")


if __name__ == "__main__":
    run(main, check_versions=True)

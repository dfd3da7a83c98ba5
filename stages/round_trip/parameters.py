"""Check what the round trip needs before it draws any image."""

from pathlib import Path

from caption_curation import paths
from caption_curation.config.experiment import LONGEST_TRAINING
from caption_curation.config.params import load_params
from caption_curation.round_trip.captioner_folder import captioner_folder
from caption_curation.round_trip.parameters import load_round_trip
from stages import run
from stages.round_trip import CHECKED

EPOCHS = range(LONGEST_TRAINING + 1)
# DVC makes these when they are asked for, so they may be missing now.
MADE_BY_THE_PIPELINE = [*map(paths.captioner, EPOCHS), *map(paths.best_captioner, EPOCHS)]


def main() -> None:
    """Write a file that always says the same, so that only a fault has consequences.

    A new captioner runs this stage, but none of those that generate images from its output.
    """
    load_params()
    captioner = load_round_trip().captioner
    if Path(captioner) not in MADE_BY_THE_PIPELINE:
        captioner_folder(captioner)
    CHECKED.parent.mkdir(parents=True, exist_ok=True)
    CHECKED.write_text("The parameters are valid.\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)

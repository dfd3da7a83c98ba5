"""Check what the round trip needs before it draws any image."""

from pathlib import Path

from caption_curation import paths
from caption_curation.captioner.bases.published import obtain_captioner
from caption_curation.config.experiment import LONGEST_TRAINING
from caption_curation.config.params import Params, load_params
from caption_curation.config.profile import BlipCheckpoint, HubModel, LocalModel
from caption_curation.round_trip.captioner_folder import captioner_folder
from caption_curation.round_trip.checks import drawing_faults
from caption_curation.round_trip.parameters import (
    OTHER_CAPTIONER,
    PARAMS_FILE,
    RoundTrip,
    load_round_trip,
)
from caption_curation.support.errors import InputError, list_faults
from stages import run
from stages.round_trip import CHECKED

EPOCHS = range(LONGEST_TRAINING + 1)
# DVC makes these when they are asked for, so they may be missing now.
MADE_BY_THE_PIPELINE = [
    *map(paths.captioner, EPOCHS),
    *map(paths.best_captioner, EPOCHS),
    OTHER_CAPTIONER,
]


def main() -> None:
    """Write a file that always says the same, so that only a fault has consequences.

    A new captioner runs this stage, but none of those that generate images from its output.
    """
    params, settings = load_params(), load_round_trip()
    inputs = params.experiment.inputs
    captioner = Path(settings.captioner)
    if captioner not in MADE_BY_THE_PIPELINE:
        check_captioner(settings.captioner, PARAMS_FILE)
    if captioner == OTHER_CAPTIONER:
        check_present("other_captioner", settings.other_captioner, inputs.other_captioner)
    check_generators(settings, params)
    CHECKED.parent.mkdir(parents=True, exist_ok=True)
    CHECKED.write_text("The parameters are valid.\n", encoding="utf-8")


def check_captioner(name: str, params_file: Path) -> None:
    """Raise an InputError unless a folder holds a captioner that can be loaded."""
    folder = captioner_folder(name, params_file)
    section = load_params().profile.captioner
    obtain_captioner(folder, section.image_size, instruction=section.instruction)


def check_present(key: str, source: LocalModel | HubModel | BlipCheckpoint, path: str) -> None:
    """Raise an InputError if a file or folder that a model is obtained from is not there."""
    if isinstance(source, BlipCheckpoint) and Path(path).name != source.file:
        raise InputError(
            f"params.yaml: inputs.{key} = {path!r}: {PARAMS_FILE} asks for {source.file} "
            f"({key}.file): -S inputs.{key}=/path/to/{source.file}"
        )
    if not isinstance(source, HubModel) and not Path(path).exists():
        raise InputError(f"params.yaml: inputs.{key} = {path!r}: there is no such path")


def check_generators(settings: RoundTrip, params: Params) -> None:
    """Raise an InputError that lists what is wrong with the other generators that are asked for.

    Only local ones are there already; those of the hub are looked at once they are obtained, and
    before anything is drawn.
    """
    faults = []
    present = {}
    for name, other in settings.asked_others.items():
        if isinstance(other.model, HubModel):
            if other.model.unpinned:
                faults.append(f"other_generators.{name}.model: {other.model.unpinned}")
        elif Path(other.folder).is_dir():
            present[name] = Path(other.folder)
        else:
            faults.append(
                f"other_generators.{name}.folder = {other.folder!r}: there is no such folder"
            )
    faults += drawing_faults(present, settings, params)
    if faults:
        raise InputError(list_faults(f"{PARAMS_FILE}: generators that cannot be asked", faults))


if __name__ == "__main__":
    run(main, check_versions=True)

"""The captioner that the round trip asks, a folder that stages/round_trip/params.yaml names."""

from pathlib import Path

from caption_curation.captioner_parts import REQUIRED_PARTS
from caption_curation.errors import InputError
from caption_curation.model_sources import obtain_model
from caption_curation.params import LocalModel
from caption_curation.round_trip.parameters import PARAMS_FILE


def captioner_folder(name: str) -> Path:
    """The folder, if it holds a whole captioner.

    Raises:
        InputError: it does not; the message says what to run.
    """
    if not Path(name).is_dir():
        raise InputError(
            f"{PARAMS_FILE}: captioner = {name!r}: there is no such folder. `dvc repro` makes "
            "data/epochs/N/best_captioner, N being training.epochs; any other folder with a "
            "captioner in the hub's layout will do"
        )
    return obtain_model(LocalModel(source="local", path=name), required=REQUIRED_PARTS)

"""The captioner of the round trip or of the human study: a folder that their parameters name."""

from pathlib import Path

from caption_curation.captioner.model import (
    ADAPTER_FILES,
    ADAPTER_SETTINGS,
    REQUIRED_FILES,
)
from caption_curation.pretrained import obtain_model
from caption_curation.round_trip.parameters import PARAMS_FILE
from caption_curation.support.errors import InputError


def captioner_folder(name: str, params_file: Path = PARAMS_FILE) -> Path:
    """The folder, if it holds a complete captioner.

    Args:
        name: of the folder.
        params_file: that names it as its ``captioner``, for the message.

    Raises:
        InputError: it does not; the message says what to run.
    """
    if not Path(name).is_dir():
        raise InputError(
            f"{params_file}: captioner = {name!r}: there is no such folder. `dvc repro` makes "
            "data/epochs/N/best_captioner, N being training.epochs; any other folder with a "
            "captioner in the hub's layout will do"
        )
    is_adapter = (Path(name) / ADAPTER_SETTINGS).is_file()
    return obtain_model(Path(name), required=ADAPTER_FILES if is_adapter else REQUIRED_FILES)

"""What a generator's configuration must say for the generator to be fine-tuned and drawn with.

It is looked at where the user's model is read, and again where it is needed.
"""

from pathlib import Path
from typing import Any

from caption_curation.support.errors import InputError
from caption_curation.support.reading import read_json
from caption_curation.support.rows import shown

PREDICTION_TYPES = ("epsilon", "v_prediction")


def max_tokens(folder: Path) -> int:
    """How many tokens the text encoder reads, the start and end tokens included (CLIP: 77).

    Args:
        folder: a generator in the hub's layout.

    Raises:
        InputError: the tokenizer's configuration does not state the limit.
    """
    file = folder / "tokenizer" / "tokenizer_config.json"
    content = read_json(file)
    if not isinstance(content, dict):
        raise InputError(f"{file}: not a tokenizer's configuration, but {shown(content)}")
    limit = content.get("model_max_length")
    if not isinstance(limit, int) or limit < 3:  # of which two are start and end
        raise InputError(f"{file}: model_max_length = {limit!r}; needed: an integer above 2")
    return limit


def configuration(folder: Path, component: str) -> dict[str, Any]:
    """What configures a component of a generator.

    Raises:
        InputError: it is not there, or damaged.
    """
    file = folder / component / "config.json"
    content = read_json(file)
    if not isinstance(content, dict):
        raise InputError(f"{file}: not a configuration, but {shown(content)}")
    return content


def number(folder: Path, component: str, key: str) -> int:
    """A positive integer of a component's configuration.

    Raises:
        InputError: it is not there, or none.
    """
    value = configuration(folder, component).get(key)
    if not isinstance(value, int) or value < 1:
        raise InputError(
            f"{folder / component / 'config.json'}: {key} = {shown(value)}; "
            "needed: a positive integer"
        )
    return value


def enlargement(folder: Path, blocks: str = "block_out_channels") -> int:
    """How many pixels, in width and in height, the decoder makes of one latent.

    Every block of the decoder but the last doubles both.

    Args:
        folder: of the generator.
        blocks: the key of ``vae/config.json`` with the channels of each block.
    """
    channels = configuration(folder, "vae").get(blocks)
    if not isinstance(channels, list) or not channels:
        raise InputError(f"{folder / 'vae' / 'config.json'}: {blocks} = {shown(channels)}")
    return int(2 ** (len(channels) - 1))


def has_component(folder: Path, name: str) -> bool:
    """Whether ``model_index.json`` names a component."""
    index = read_json(folder / "model_index.json")
    value = index.get(name) if isinstance(index, dict) else None
    return isinstance(value, list) and value != [None, None]


def check_prediction_type(schedule: Any, folder: Path) -> None:
    """Raise an InputError unless a noise schedule's model predicts noise or velocity.

    Args:
        schedule: any of diffusers' schedulers.
        folder: that it was loaded from, for the message.
    """
    if schedule.config.prediction_type not in PREDICTION_TYPES:
        raise InputError(
            f"{folder}: prediction_type {schedule.config.prediction_type!r}; "
            f"allowed: {', '.join(PREDICTION_TYPES)}"
        )

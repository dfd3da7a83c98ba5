"""YAML as DVC reads and writes it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from caption_curation.experiments.dvc_internals.repository import check_version
from caption_curation.support.errors import InputError


def parse_yaml(text: str) -> Any:
    """YAML as DVC reads it: 1e-05 is a number, and `off` a word.

    Raises:
        ValueError: it is none.
    """
    from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml

    try:
        return parse_yaml(text, "a file")
    except YAMLFileCorruptedError as error:
        raise ValueError(str(error)) from error


def dump_yaml(content: Any) -> str:
    """YAML as DVC writes it."""
    from dvc.utils.serialize import dumps_yaml

    text: str = dumps_yaml(content)
    return text


def set_in_yaml(text: str, values: Mapping[Sequence[str], Any]) -> str:
    """A YAML file with other values, its remarks kept as `dvc exp run --set-param` keeps them.

    Args:
        text: of it.
        values: by the keys that lead to each; sections on the way are made where there are none.
    """
    from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

    content = parse_yaml_for_update(text, "parameters")
    for (*parents, last), value in values.items():
        section = content
        for parent in parents:
            if not isinstance(section.get(parent), dict):
                section[parent] = {}
            section = section[parent]
        section[last] = value
    changed: str = dumps_yaml(content)
    return changed


def value_set_by_dvc(setting: str) -> Any:
    """The value of the key ``value`` in a YAML file after `dvc exp run --set-param`.

    Args:
        setting: of that key, as ``--set-param`` takes it.

    Raises:
        InputError: DVC does not take it, or takes it for several values.
    """
    check_version()
    from dvc.utils.hydra import apply_overrides, get_hydra_sweeps

    with TemporaryDirectory() as folder:
        file = Path(folder) / "values.yaml"
        file.write_text("value: 0\n", encoding="utf-8")
        try:
            sweeps = get_hydra_sweeps({file: [setting]})
            if len(sweeps) == 1:
                apply_overrides(file, sweeps[0][file])
        except Exception as error:  # DVC's own, and what the parsers below it raise
            raise InputError("`dvc exp run` cannot set it") from error
        if len(sweeps) != 1:
            raise InputError("`dvc exp run` takes it for several values")
        return yaml.safe_load(file.read_text(encoding="utf-8"))["value"]

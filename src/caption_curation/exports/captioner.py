"""A finished experiment's best captioner as a folder in the layout of the Hugging Face hub."""

import json
from pathlib import Path
from typing import Any

from caption_curation.captioner.model import ADAPTER_SETTINGS
from caption_curation.captioner.model.family import CAPTIONERS
from caption_curation.experiments.finished import Repository
from caption_curation.exports.export import CARD, check_target
from caption_curation.exports.found import (
    captioner_files,
    find_experiment,
    provenance,
    refusing_unusable,
)
from caption_curation.exports.model_card import model_card
from caption_curation.exports.recipe import RECIPE, recipe_of, recipe_text
from caption_curation.image_index import digest_of
from caption_curation.support.errors import InputError
from caption_curation.support.outputs import atomic_folder
from caption_curation.support.reading import read_json

TOKENIZER = "tokenizer_config.json"


def write_captioner(repository: Repository, root: Path, name: str | None, target: Path) -> int:
    """Write the captioner of an experiment's best epoch, how it captions, and a model card.

    The files are those of the experiment; only a BLIP's tokenizer is told to write "a man's"
    where it reads "a man ' s", as the pipeline's captions have it.

    Args:
        repository: that the experiment is in.
        root: its folder.
        name: of the experiment; ``None``: that of the workspace.
        target: a folder that is not there, or empty.

    Returns:
        The best epoch.

    Raises:
        InputError: there is no such experiment, its captioner is an adapter, its files are
            not in DVC's cache, or the folder holds something.
    """
    check_target(target)
    found = find_experiment(repository, name)
    recipe = recipe_of(found.experiment, found.profile)
    files = captioner_files(found.experiment)
    if ADAPTER_SETTINGS in files:
        raise InputError(
            f"{found.listed.name}: its captioner is an adapter of a base model, which an exported "
            "folder would be useless without; share data/epochs/N/best_captioner and the profile"
        )
    with refusing_unusable(found.listed.name):
        card, best_epoch = model_card(found, recipe, provenance(root, found), target.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(target) as folder:
        for file_name, path in files.items():
            content = path.read_bytes()
            if digest_of(content) != path.parent.name + path.name:
                raise InputError(f"{path}: damaged in DVC's cache: its MD5 is another")
            (folder / file_name).parent.mkdir(parents=True, exist_ok=True)
            (folder / file_name).write_bytes(content)
        if CAPTIONERS.name(folder) == "blip":
            _write_clean_up(folder / TOKENIZER)
        (folder / RECIPE).write_text(recipe_text(recipe), encoding="utf-8")
        (folder / CARD).write_text(card, encoding="utf-8")
    return best_epoch


def _write_clean_up(file: Path) -> None:
    config: dict[str, Any] = read_json(file)
    config["clean_up_tokenization_spaces"] = True
    file.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

"""A finished experiment's best captioner as a folder in the layout of the Hugging Face hub."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from caption_curation.captioner.model.family import CAPTIONERS
from caption_curation.experiments.finished import Repository
from caption_curation.exports.export import CARD, check_target
from caption_curation.exports.found import (
    base_files,
    captioner_files,
    find_experiment,
    linked,
    provenance,
    refusing_unusable,
)
from caption_curation.exports.model_card import model_card
from caption_curation.exports.recipe import RECIPE, Recipe, recipe_of, recipe_text
from caption_curation.image_index import digest_of
from caption_curation.support.errors import InputError
from caption_curation.support.outputs import atomic_folder
from caption_curation.support.reading import read_json

TOKENIZER = "tokenizer_config.json"


def write_captioner(repository: Repository, root: Path, name: str | None, target: Path) -> int:
    """Write the captioner of an experiment's best epoch, how it captions, and a model card.

    The files are those of the experiment; only a BLIP's tokenizer is told to write "a man's"
    where it reads "a man ' s", as the pipeline's captions have it. An adapter is merged into its
    base, so that the folder is a whole model as any other, in float32.

    Args:
        repository: that the experiment is in.
        root: its folder.
        name: of the experiment; ``None``: that of the workspace.
        target: a folder that is not there, or empty.

    Returns:
        The best epoch.

    Raises:
        InputError: there is no such experiment, its files are not in DVC's cache or damaged
            there, an adapter cannot be merged, or the folder holds something.
    """
    check_target(target)
    found = find_experiment(repository, name)
    recipe = recipe_of(found.experiment, found.profile)
    files, base = captioner_files(found.experiment), base_files(found.experiment)
    with refusing_unusable(found.listed.name):
        card, best_epoch = model_card(found, recipe, provenance(root, found), target.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(target) as folder:
        if base:
            _write_merged(files, base, recipe, folder)
        else:
            for file_name, path in files.items():
                (folder / file_name).parent.mkdir(parents=True, exist_ok=True)
                (folder / file_name).write_bytes(_content(path))
        if CAPTIONERS.name(folder) == "blip":
            _write_clean_up(folder / TOKENIZER)
        (folder / RECIPE).write_text(recipe_text(recipe), encoding="utf-8")
        (folder / CARD).write_text(card, encoding="utf-8")
    return best_epoch


def _write_merged(
    adapter: Mapping[str, Path], base: Mapping[str, Path], recipe: Recipe, target: Path
) -> None:
    """Write the whole model that an adapter and its base are together."""
    for path in (*adapter.values(), *base.values()):
        _content(path)

    import torch

    from caption_curation.captioner.model.adapters import merged
    from caption_curation.captioner.model.captioner import load_captioner, save_captioner

    with linked(adapter) as adapter_folder, linked(base) as base_folder:
        captioner = load_captioner(
            adapter_folder,
            recipe.image_size,
            torch.device("cpu"),
            instruction=recipe.instruction,
            base=base_folder,
        )
        save_captioner(merged(captioner), target)


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if digest_of(content) != path.parent.name + path.name:
        raise InputError(f"{path}: damaged in DVC's cache: its MD5 is another")
    return content


def _write_clean_up(file: Path) -> None:
    config: dict[str, Any] = read_json(file)
    config["clean_up_tokenization_spaces"] = True
    file.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

"""Captions of a folder of pictures, by the captioner of an experiment, as it captions its own.

What is finished is written down batch by batch beside the result, so that the same command goes on
after a kill. Batches are the same then, and so are the captions: their last digits may depend on
what is computed together.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from caption_curation.captioner.captioning import batches_of, caption_batches
from caption_curation.captioner.model.captioner import check_lengths, load_captioner
from caption_curation.compute.arithmetic import enter_arithmetic
from caption_curation.compute.devices import prepare_device
from caption_curation.compute.numerical_class import numerical_class
from caption_curation.exports.recipe import Recipe
from caption_curation.model_files import weights_digest
from caption_curation.support.claims import sole_claim
from caption_curation.support.errors import InputError
from caption_curation.support.outputs import write_atomically
from caption_curation.support.reading import parse_json
from caption_curation.support.versions import installed_versions


def caption_pictures(
    model: Path,
    recipe: Recipe,
    folder: Path,
    names: Sequence[str],
    unfinished: Path,
    base: Path | None = None,
) -> dict[str, str]:
    """Captions by name; what is finished is saved in a file until the caller removes it.

    Args:
        model: a captioner's folder.
        recipe: how it captions.
        folder: of the pictures.
        names: of the pictures in it, in an order that is the same when the work goes on.
        unfinished: the file.
        base: the folder of the model that the captioner is an adapter of, if it is one.

    Raises:
        InputError: the captioner cannot be loaded, a picture cannot be read, or another process
            has the file.
    """
    device = prepare_device()
    enter_arithmetic(device, recipe.arithmetic)
    captioner = load_captioner(
        model, recipe.image_size, device, instruction=recipe.instruction, base=base
    )
    check_lengths(captioner, recipe.prompt, recipe.evaluation, recipe.beam_length)
    batches = batches_of(len(names), recipe.batch_size)
    what = {
        "captioner": weights_digest(model),
        "recipe": recipe.model_dump(),
        "class": numerical_class(device, installed_versions()),
    }
    contents = [_digest(folder, [names[index] for index in batch]) for batch in batches]
    with sole_claim(unfinished.with_name(f"{unfinished.name}.lock")) as is_mine:
        if not is_mine:
            raise InputError(f"{unfinished}: another process writes these captions now")
        saved = _saved(unfinished, what)
        finished = {
            number: saved[content] for number, content in enumerate(contents) if content in saved
        }
        waiting = [number for number in range(len(batches)) if number not in finished]
        if finished:
            done = len(names) - _size(batches, waiting)
            print(f"going on with {done} of {len(names)} pictures done", flush=True)
        kept = [what, *([contents[number], finished[number]] for number in finished)]
        write_atomically(unfinished, "".join(map(_line, kept)))
        with (
            unfinished.open("a", encoding="utf-8") as file,
            tqdm(
                desc="captioning", unit="image", total=_size(batches, waiting), disable=None
            ) as progress,
        ):
            results = caption_batches(
                captioner,
                [folder / name for name in names],
                [batches[number] for number in waiting],
                prompt=recipe.prompt,
                evaluation=recipe.evaluation,
                beam_length=recipe.beam_length,
            )
            for number, captions in zip(waiting, results, strict=True):
                finished[number] = captions
                file.write(_line([contents[number], captions]))
                file.flush()
                progress.update(len(captions))
    return {
        names[index]: caption
        for number, batch in enumerate(batches)
        for index, caption in zip(batch, finished[number], strict=True)
    }


def _digest(folder: Path, names: Sequence[str]) -> str:
    """SHA-256 over names, sizes and times of change of the pictures of a batch."""
    digest = hashlib.sha256()
    for name in names:
        status = (folder / name).stat()
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _size(batches: Sequence[Sequence[int]], numbers: Sequence[int]) -> int:
    return sum(len(batches[number]) for number in numbers)


def _line(value: Any) -> str:
    return json.dumps(value) + "\n"


def _saved(file: Path, what: Any) -> dict[str, list[str]]:
    """The captions of batches, by the batches' digests; none where another work saved them.

    A kill may have cut the last line.
    """
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    lines = []
    for line in text.splitlines(keepends=True):
        try:
            lines.append(parse_json(line))
        except InputError:
            break
    return dict(lines[1:]) if lines and lines[0] == what else {}

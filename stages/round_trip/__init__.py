"""The round trip (the paper's Table 1): captions → images → captions, scored against the first.

A pipeline of its own, `dvc repro stages/round_trip/dvc.yaml`, on the outputs of the main one.
"""

from pathlib import Path
from typing import Annotated

from caption_curation import paths
from caption_curation.image_index import split_files
from caption_curation.round_trip.parameters import PARAMS_FILE, OtherGenerator, RoundTrip
from caption_curation.round_trip.variants import OURS, REAL
from caption_curation.round_trip.variants import PROMPTS as KINDS
from caption_curation.samples import CaptionedImage, read_images, read_json_lines
from caption_curation.support.errors import InputError
from caption_curation.support.stage_arguments import Name, OneOf
from caption_curation.synthetic_index import INDEX

COUNTS = "prompts.json"  # beside an index: prompts, those that are too long, images drawn again
CHECKED = paths.ROUND_TRIP / "parameters.txt"  # says that they are valid
PROMPTS = paths.ROUND_TRIP / "prompts"  # PROMPT.jsonl: item_id, image_id, prompt
EVALUATION = paths.ROUND_TRIP / "evaluation"  # scores.json, images.jsonl
REPORT = Path("reports/round_trip")  # index.html, figures, tables

# Arguments of the stages.
Generator = Annotated[str, Name("base_generator, generator or a name of other_generators")]
PromptKind = Annotated[str, OneOf(*KINDS)]
Shown = Annotated[str, Name(f"GENERATOR-PROMPT or {REAL}")]


def generator_folder(name: str) -> Path:
    """The folder of a generator: ``base_generator``, ``generator`` (fine-tuned) or another one."""
    return paths.GENERATOR.with_name(name) if name in OURS else paths.OTHER_GENERATORS / name


def settings_of(name: str, settings: RoundTrip) -> OtherGenerator:
    """What the parameters say of a generator that is none of the experiment's.

    Raises:
        InputError: nothing.
    """
    if name not in settings.other_generators:
        known = ", ".join(settings.other_generators) or "none"
        raise InputError(f"{PARAMS_FILE}: other_generators.{name}: missing key; there are: {known}")
    return settings.other_generators[name]


def recipe_file(generator: str) -> Path:
    """How a generator draws, as :mod:`caption_curation.round_trip.recipe` has it."""
    return paths.ROUND_TRIP / "recipes" / f"{generator}.json"


def images_folder(variant: str) -> Path:
    """A variant's images: KEY.jpg, counts, index.jsonl (item_id, image_id, key, prompt, seed)."""
    return paths.ROUND_TRIP / "images" / variant


def captions_file(variant: str) -> Path:
    """The captions of a variant's images, or of the real ones (COCO results JSON)."""
    return paths.ROUND_TRIP / "captions" / f"{variant}.json"


def classes_of(kind: str, variant: str) -> Path:
    """Beside which a class file of a variant's ``images`` or ``captions`` lies."""
    return paths.ROUND_TRIP / "classes" / kind / variant


def image_files(variant: str) -> dict[str, Path]:
    """The image file of every item of a variant, by item id; of the real images, by image id."""
    if variant == REAL:
        return _real_files()
    folder = images_folder(variant)
    index = read_json_lines(folder / INDEX)
    return {record["item_id"]: folder / f"{record['key']}.jpg" for record in index}


def image_ids(variant: str) -> dict[str, str]:
    """The original image of every item of a variant, by item id; real ones are their own."""
    if variant == REAL:
        return {image.image_id: image.image_id for image in _validation()}
    index = read_json_lines(images_folder(variant) / INDEX)
    return {record["item_id"]: record["image_id"] for record in index}


def _real_files() -> dict[str, Path]:
    files = split_files(paths.CORPUS, "val")
    return {image.image_id: file for image, file in zip(_validation(), files, strict=True)}


def _validation() -> list[CaptionedImage]:
    return read_images(paths.CORPUS / "val.jsonl")

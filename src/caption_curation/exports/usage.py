"""What an exported captioner is, and how it is used: of a model card."""

from dataclasses import dataclass
from typing import Any

from caption_curation.captioner.model.family import CAPTIONERS, OF_MANY_TYPES
from caption_curation.experiments.finished import FinishedExperiment
from caption_curation.exports.found import base_files, captioner_files
from caption_curation.exports.markdown import fenced, literal
from caption_curation.exports.recipe import Recipe
from caption_curation.support.reading import read_json

CONFIG = "config.json"
# The classes of transformers that a folder is loaded with, by family; each with its variable.
CLASSES = {
    OF_MANY_TYPES: {"processor": "AutoProcessor", "model": "AutoModelForImageTextToText"},
    "vision_encoder_decoder": {
        "images": "AutoImageProcessor",
        "tokenizer": "AutoTokenizer",
        "model": "VisionEncoderDecoderModel",
    },
}


@dataclass(frozen=True)
class Architecture:
    """What a captioner's config.json says that it is.

    Attributes:
        family: the project's, that knows it.
        model_type: of transformers, or of its author.
        name: of the model's class; empty: the file does not say.
    """

    family: str
    model_type: str
    name: str

    @property
    def pipeline(self) -> str:
        """What the hub calls its task."""
        return "image-text-to-text" if self.family in ("blip", OF_MANY_TYPES) else "image-to-text"

    def told(self) -> str:
        """As a sentence begins."""
        if self.family == "blip":
            return "A BLIP captioner"
        name = f" ({literal(self.name)})" if self.name else ""
        return f"A captioner of the type {literal(self.model_type)}{name}"


def architecture_of(experiment: FinishedExperiment) -> Architecture:
    """That of an experiment's best captioner, or of the model that it is an adapter of.

    Raises:
        InputError: its files are not in DVC's cache, or no family knows it.
    """
    file = (base_files(experiment) or captioner_files(experiment))[CONFIG]
    config: dict[str, Any] = read_json(file)
    model_type = str(config["model_type"])
    names = config.get("architectures") or [""]
    return Architecture(CAPTIONERS.module(model_type), model_type, str(names[0]))


def usage(recipe: Recipe, folder: str, architecture: Architecture) -> str:
    """How to caption a picture; for a BLIP with transformers alone.

    Args:
        recipe: by which it captions.
        folder: of the captioner, for the examples.
        architecture: of the captioner.
    """
    if architecture.family == "blip":
        return f"{fenced(_of_blip(recipe, folder), 'python')}\n\n{_differences(recipe)}"
    command = (
        f"`caption-curation caption PICTURES --model {folder}` writes the captions that the scores "
        "below are of; what is asked, the prompt, the beams and the lengths are in the way of "
        f"captioning below. Pictures are first made {recipe.image_size} pixels wide and high, "
        "whatever their shape."
    )
    classes = CLASSES.get(architecture.family)
    if classes is None:
        return f"{command} Its class is not one of transformers'."
    return f"{fenced(_loading(classes, folder), 'python')}\n\nloads it in transformers. {command}"


def _loading(classes: dict[str, str], folder: str) -> str:
    """Lines of Python that load a captioner with transformers alone."""
    lines = [f"from transformers import {', '.join(sorted(classes.values()))}", ""]
    for variable, kind in classes.items():
        pil = ', backend="pil"' if kind == "AutoImageProcessor" else ""
        lines.append(f"{variable} = {kind}.from_pretrained({folder!r}{pil})")
    return "\n".join(lines)


def _of_blip(recipe: Recipe, folder: str) -> str:
    """Lines of Python that caption a picture with transformers alone."""
    return f"""from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

processor = AutoProcessor.from_pretrained({folder!r}, backend="pil")
model = AutoModelForImageTextToText.from_pretrained({folder!r})

picture = Image.open("picture.jpg").convert("RGB")
prompt = {recipe.prompt!r}
inputs = processor(images=picture, text=prompt, return_tensors="pt")
ids = model.generate(
    **inputs,
    num_beams={recipe.beams},
    min_length={recipe.min_length},
    max_length={recipe.max_length},
    do_sample=False,
)
text = processor.decode(ids[0], skip_special_tokens=True, clean_up_tokenization_spaces=True)
caption = text.removeprefix(prompt).strip()"""


def _differences(recipe: Recipe) -> str:
    """Where transformers alone gives other captions than the project."""
    notes = [
        "These are the captions that the scores below are of, but for the last digits of pixels "
        "and of batches of another size: the project divides by the standard deviation in one "
        "order of operations and transformers in another. With torchvision installed, leaving "
        'backend="pil" out resizes pictures otherwise.'
    ]
    if recipe.beam_length != "caption":
        notes.append(
            "This captioner's beam search counts the prompt's tokens too (captioner.beam_length = "
            f"{recipe.beam_length}), which transformers does not offer: the lines above give "
            "other, often longer captions. `caption-curation caption` with `--model` gives its own."
        )
    return "\n\n".join(notes)

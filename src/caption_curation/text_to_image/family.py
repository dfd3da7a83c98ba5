"""The families of generators: the contract that each keeps, and what each can do.

A family is a module of :mod:`caption_curation.text_to_image.families`, called after the pipeline of
diffusers that a model's ``model_index.json`` names: ``stable_diffusion_xl`` is that of
``StableDiffusionXLPipeline``. It has these functions, and imports torch and diffusers inside them
only, so that a stage that finds all its images in the store loads neither:

``PIPELINE``
    The class that ``model_index.json`` names.
``abilities(folder) -> Abilities``
    What a model of the family can be asked for, from its configurations. What is asked for and
    not in it is refused before anything is computed (:func:`refuse_unsupported`).
``load_generator(folder, *, sampler) -> generator``
    The model on this process's device, ready to draw; an adapter that lies with it is part of it.
    The result has an attribute ``device``. Files that are missing, damaged or of another model
    raise an InputError (:mod:`caption_curation.model_loading`).
``generate(generator, prompts, seeds, *, in_windows, …)``, the rest as in ``stable_diffusion``
    A list with an RGB image for each prompt, or ``None`` where a value of it is not finite. An
    image begins with the noise of its own seed and does not depend on the rest of its batch,
    beyond rounding. Nothing that is installed beside the pinned libraries changes it.
``load_trainable(folder, device) -> Trainable``
    What fine-tuning needs (:class:`caption_curation.text_to_image.trainable.Trainable`): the
    denoising network, how images and prompts are encoded for it, and its own objective. Only
    families whose ``Abilities.trainable`` may be true have it.

With ``steps: 0`` a model of any family is used as it is.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from caption_curation.config.experiment import Prompt, Synthesis
from caption_curation.config.profile import Generator
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.families import Families


def _module(pipeline: str) -> str:
    """``stable_diffusion`` is that of ``StableDiffusionPipeline``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])", "_", pipeline.removesuffix("Pipeline")).lower()


GENERATORS = Families(
    "caption_curation.text_to_image.families", "model_index.json", "_class_name", _module
)


def as_it_is(text: str) -> str:
    """A prompt of a family that changes none before its tokenizer."""
    return text


@dataclass(frozen=True, slots=True)
class Reader:
    """The text encoder that says whether a prompt is too long.

    Of several encoders it is the one that reads most: where it reads all of a prompt, nothing of
    that is lost to the denoiser, though the others (CLIP in Stable Diffusion 3 and Flux) may have
    read its beginning only.

    Attributes:
        tokenizer: the folder of its tokenizer, in the model's.
        max_tokens: that it reads, those that the tokenizer adds included.
        prepared: what becomes of a prompt before the tokenizer.
    """

    tokenizer: str
    max_tokens: int
    prepared: Callable[[str], str] = as_it_is


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a generator can be asked for.

    Attributes:
        pipeline: the class in diffusers.
        samplers: the allowed values of ``synthesis.sampler``; ``native`` is the model's own.
        guidance: whether ``synthesis.guidance`` above 1 does anything.
        negative_prompt: whether images can be guided away from one.
        windows: whether long prompts can be read in windows (``prompt.overflow: chunk``).
        trainable: whether the family has an objective to fine-tune it with.
        pixels: width and height of an image are multiples of it.
        native_size: width and height of the images that the model was made for, in pixels.
        reader: of prompts.
    """

    pipeline: str
    samplers: tuple[str, ...]
    guidance: bool
    negative_prompt: bool
    windows: bool
    trainable: bool
    pixels: int
    native_size: int
    reader: Reader


NOISE_SAMPLERS = ("native", "dpm_solver", "ddim", "pndm")  # of models that predict noise
FLOW_SAMPLERS = ("native",)  # a flow has no noise schedule that the others could follow


def abilities_of(folder: Path) -> Abilities:
    """What the generator in a folder can be asked for.

    Raises:
        InputError: it is of no known family, or its configuration is damaged.
    """
    found: Abilities = GENERATORS.load(GENERATORS.name(folder)).abilities(folder)
    return found


def refuse_unsupported(
    folder: Path,
    *,
    synthesis: Synthesis | None = None,
    prompt: Prompt | None = None,
    section: Generator | None = None,
) -> None:
    """Raise an InputError that lists what is asked for and a generator does not have.

    Args:
        folder: of the generator.
        synthesis: how images are drawn; ``None``: none are.
        prompt: how captions become a prompt; likewise.
        section: the profile's, for the size of images and fine-tuning; ``None``: not looked at.
    """
    able = abilities_of(folder)
    faults = []
    if synthesis:
        if synthesis.sampler not in able.samplers:
            faults.append(
                f"synthesis.sampler = {synthesis.sampler!r}; allowed: {', '.join(able.samplers)}"
            )
        if synthesis.guidance != 1 and not able.guidance:
            faults.append(f"synthesis.guidance = {synthesis.guidance}: it knows none; 1 is none")
        if synthesis.negative_prompt and not able.negative_prompt:
            faults.append(
                f"synthesis.negative_prompt = {synthesis.negative_prompt!r}: it reads none; "
                'write ""'
            )
    if prompt and prompt.overflow == "chunk" and not able.windows:
        faults.append(
            "prompt.overflow = 'chunk': its text is not read in windows, but up to "
            f"{able.reader.max_tokens} tokens; allowed: truncate, keep_styler"
        )
    if section and section.image_size % able.pixels:
        faults.append(
            f"generator.image_size = {section.image_size}; allowed: multiples of {able.pixels}"
        )
    if section and section.fine_tuning.steps and not able.trainable:
        faults.append(
            f"generator.fine_tuning.steps = {section.fine_tuning.steps}: it is not fine-tuned "
            "here; 0 uses it as it is"
        )
    if faults:
        heading = f"{folder}: what is asked for and a {able.pipeline} does not have"
        raise InputError(list_faults(heading, faults))

"""Which models the work is done with, as far as that is known before any of it runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption_curation import paths
from caption_curation.captioner.model.family import CAPTIONERS
from caption_curation.config.params import Params
from caption_curation.config.profile import BlipCheckpoint, HubModel, LocalModel
from caption_curation.experiments.planning.work import (
    CAPTIONING,
    FINE_TUNING,
    GENERATING,
    SCORING,
    TRAINING,
    Work,
)
from caption_curation.support.families import Families
from caption_curation.support.reading import read_json
from caption_curation.text_to_image.family import GENERATORS

# What a model made from scratch, or read from another file than its family's, is.
GENERATOR_OF_OWN, CAPTIONER_OF_OWN = "stable_diffusion", "blip"


@dataclass(frozen=True)
class Model:
    """A model that work is done with.

    Attributes:
        part: ``generator`` or ``captioner``.
        name: what the profile calls it.
        family: the name of its module; ``None``: nobody knows before it is downloaded.
        settings: what its speed also depends on.
        work: the names of what it does.
        training: how it is trained, where the profile says how long.
        is_published: whether others know it by its name.
    """

    part: str
    name: str
    family: str | None
    settings: str
    work: tuple[str, ...]
    training: str = ""
    is_published: bool = True

    def is_as_fast_as(self, other: "Model") -> bool:
        """Whether what was measured of the other one holds for this one."""
        return self.name == other.name and self.settings == other.settings


def models_of(
    params: Params, file_of_stage: Callable[[Path], Path | None] = lambda _: None
) -> list[Model]:
    """The generator and the captioner of an experiment.

    Args:
        params: of the experiment.
        file_of_stage: gives a file of a stage's result, where it is known and here.
    """
    generator, captioner = params.profile.generator, params.profile.captioner
    inputs, synthesis = params.experiment.inputs, params.experiment.synthesis
    trained = generator.fine_tuning
    guided = " with guidance" if synthesis.guidance > 1 else ""
    what = "an adapter of it is trained" if trained.adapter else "it is trained"
    adapted = "" if captioner.fine_tuning.adapter is None else ", an adapter of it is trained"
    return [
        Model(
            "generator",
            _name(generator.base, inputs.generator),
            _family(GENERATORS, generator.base, inputs.generator, GENERATOR_OF_OWN,
                    file_of_stage(paths.BASE_GENERATOR / GENERATORS.file)),
            f"{generator.image_size} px, {synthesis.steps} steps an image{guided}",
            (FINE_TUNING, GENERATING),
            f", {what} in {trained.steps:,} steps of {trained.batch_size} images"
            if trained.steps
            else ", used as it is",
            isinstance(generator.base, HubModel),
        ),
        Model(
            "captioner",
            _name(captioner.base, inputs.captioner),
            _family(CAPTIONERS, captioner.base, inputs.captioner, CAPTIONER_OF_OWN,
                    file_of_stage(paths.captioner(0) / CAPTIONERS.file)),
            f"{captioner.image_size} px{adapted}",
            (TRAINING, SCORING, CAPTIONING),
            is_published=isinstance(captioner.base, HubModel | BlipCheckpoint),
        ),
    ]  # fmt: skip


def unknown_speeds(models: Sequence[Model], work: Sequence[Work]) -> list[str]:
    """Which models' speed is not known, and which command would tell; nothing if all is known.

    Args:
        models: that do the work, each once.
        work: that is left to do.
    """
    unknown = {item.name for item in work if item.hours is None}
    found = [
        (model, names)
        for model in models
        if (names := [name for name in model.work if name in unknown])
    ]
    if not found:
        return []
    lines = ["How fast these models work is not known:"]
    lines += [
        f"- {model.part} {model.name} ({_of_family(model)}), {model.settings}{model.training}: "
        f"{', '.join(names)}"
        for model, names in found
    ]
    if unknown - {FINE_TUNING}:
        lines.append(
            "`caption-curation plan --measure` times them here once `dvc repro base_generator "
            "base_captioner` has got them; or give speeds: see --help."
        )
    if any(model.is_published for model, _ in found):
        lines.append(
            "`python -m benchmarks gpu` measures those that benchmarks/published.py lists, on a "
            "GPU and with random weights: nothing is downloaded."
        )
    if FINE_TUNING in unknown:
        lines.append("A generator's fine-tuning is timed by nothing but itself: it shows its rate.")
    return lines


def _of_family(model: Model) -> str:
    if model.family is None:
        return "its family is known when it has been downloaded"
    return f"family {model.family}"


def _name(base: object, folder: str) -> str:
    match base:
        case HubModel():
            return base.id
        case LocalModel():
            return f"in {folder}"
        case BlipCheckpoint():
            return base.file
        case _:
            return "made from scratch"


def _family(families: Families, base: Any, folder: str, own: str, made: Path | None) -> str | None:
    """The family that a model's own file names, where there is one."""
    if made is None and not isinstance(base, HubModel | LocalModel):
        return own
    file = made or _file(families, base, folder)
    content = read_json(file) if file and file.is_file() else None
    value = content.get(families.key) if isinstance(content, dict) else None
    return (families.module(value) or None) if isinstance(value, str) else None


def _file(families: Families, base: HubModel | LocalModel, folder: str) -> Path | None:
    """Where a published model names its family, if it is here; nothing is downloaded."""
    if isinstance(base, LocalModel):
        return Path(folder) / families.file
    if base.unpinned:
        return None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(base.id, families.file, revision=base.revision)
    return Path(found) if isinstance(found, str) else None

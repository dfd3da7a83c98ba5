"""Draw the same prompts by several generators, through the store, and measure each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption_curation import paths
from caption_curation.config.experiment import Synthesis
from caption_curation.config.params import Params
from caption_curation.experiments.planning.throughput import measure_generator
from caption_curation.reports.generators.prompts import AskedFor
from caption_curation.samples import read_json_lines
from caption_curation.text_to_image.family import Abilities, abilities_of
from caption_curation.text_to_image.image_store import ImageRequest, image_seed
from caption_curation.text_to_image.synthesis.images import obtain_images
from caption_curation.text_to_image.synthesis.overflow import load_token_limit

OURS = ("base_generator", "generator")  # folders in data/ of what draws in the profile's size


@dataclass(frozen=True)
class Drawn:
    """What a generator made of the prompts.

    Attributes:
        name: that the user gave it.
        pipeline: its class in diffusers.
        synthesis: how it drew.
        passed_over: what ``params.yaml`` asks for and it does not have, a line each.
        size: width and height of its images, in pixels.
        files: of the images, one a prompt.
        too_long: prompts of which it read the beginning only.
        seconds: an image takes in a batch on this machine.
        clip_scores: one a prompt (0 to 2.5), or ``None`` without a CLIP.
        right: whether each image shows what is true of its prompt's image, where that is known.
    """

    name: str
    pipeline: str
    synthesis: Synthesis
    passed_over: list[str]
    size: int
    files: list[Path]
    too_long: int
    seconds: float
    clip_scores: list[float] | None
    right: list[bool | None]


def fitted(synthesis: Synthesis, able: Abilities) -> tuple[Synthesis, list[str]]:
    """The settings as far as a generator has them, and what is passed over, a line each."""
    changes: dict[str, Any] = {}
    passed_over = []
    if synthesis.sampler not in able.samplers:
        changes["sampler"] = "native"
        passed_over.append(f"sampler {synthesis.sampler}: its own instead")
    if synthesis.guidance != 1 and not able.guidance:
        changes["guidance"] = 1.0
        passed_over.append(f"guidance {synthesis.guidance}: it knows none")
    if synthesis.negative_prompt and not able.negative_prompt:
        changes["negative_prompt"] = ""
        passed_over.append(f"negative prompt {synthesis.negative_prompt!r}: it reads none")
    return synthesis.model_copy(update=changes), passed_over


def draw_all(
    models: Mapping[str, Path], asked: Sequence[AskedFor], params: Params, folder: Path
) -> list[Drawn]:
    """What each generator makes of the prompts; image by image with the same seeds.

    Args:
        models: folders of generators, by name.
        asked: the prompts.
        params: how images are drawn and stored.
        folder: where images are linked, in a folder for each generator.
    """
    scenes = _scenes()
    return [
        _draw(name, model, asked, params, folder / str(number), scenes)
        for number, (name, model) in enumerate(models.items(), 1)
    ]


def _draw(
    name: str,
    model: Path,
    asked: Sequence[AskedFor],
    params: Params,
    folder: Path,
    scenes: Mapping[str, Any],
) -> Drawn:
    able = abilities_of(model)
    synthesis, passed_over = fitted(params.experiment.synthesis, able)
    section = params.profile.generator
    if model.name not in OURS:
        section = section.model_copy(update={"image_size": able.native_size})
    requests = {
        number: ImageRequest(each.prompt, image_seed(each.image_id or str(number), 0))
        for number, each in enumerate(asked)
    }
    print(f"{name}:", end=" ", flush=True)
    obtained = obtain_images(
        requests,
        generator=model,
        weights_digest=None,
        synthesis=synthesis,
        section=section,
        arithmetic=params.experiment.compute.arithmetic,
        folder=folder,
    )
    files = [folder / f"{obtained.keys[number]}.jpg" for number in requests]
    limit = load_token_limit(model)
    timed = params.model_copy(
        update={
            "profile": params.profile.model_copy(update={"generator": section}),
            "experiment": params.experiment.model_copy(update={"synthesis": synthesis}),
        }
    )
    some = list(requests.values())[: section.synthesis_batch_size]
    return Drawn(
        name=name,
        pipeline=able.pipeline,
        synthesis=synthesis,
        passed_over=passed_over,
        size=section.image_size,
        files=files,
        too_long=sum(not limit.fits(each.prompt) for each in asked),
        seconds=1 / measure_generator(timed, model, some).per_second,
        clip_scores=_clip_scores(files, asked),
        right=[_is_right(file, each, scenes) for file, each in zip(files, asked, strict=True)],
    )


def _clip_scores(files: Sequence[Path], asked: Sequence[AskedFor]) -> list[float] | None:
    folder = paths.CLIP
    if not (folder / "config.json").is_file():
        return None
    from caption_curation.compute.devices import prepare_device
    from caption_curation.metrics.clip.model import encode_images, encode_texts, load_clip
    from caption_curation.metrics.clip.score import PREFIX, clip_scores

    clip = load_clip(folder, prepare_device())
    texts = encode_texts(clip, [PREFIX + each.prompt for each in asked])
    return [float(score) for score in clip_scores(encode_images(clip, files), texts)]


def _scenes() -> dict[str, Any]:
    """What images of the demo world show, by image id; none of other corpora."""
    file = paths.GROUND_TRUTH / "scenes.jsonl"
    records = read_json_lines(file) if file.is_file() else []
    return {record["image_id"]: record["scene"] for record in records}


def _is_right(file: Path, asked: AskedFor, scenes: Mapping[str, Any]) -> bool | None:
    if asked.image_id is None or asked.image_id not in scenes:
        return None
    from caption_curation.demo_world.scenes import scene_from_json
    from caption_curation.demo_world.style import DEFAULT
    from caption_curation.ground_truth.scene_checker import SceneChecker
    from caption_curation.pictures.reading import read_picture

    scene = scene_from_json(scenes[asked.image_id])
    return SceneChecker(DEFAULT).check(read_picture(file), scene).all_right

"""The demo world: rendered scenes with captions, and noise planted in the training split.

Everything about an image follows from (seed, split, position), so no split depends on the size of
another, and a larger split begins with the images of a smaller one.
"""

import io
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tqdm import tqdm

from caption_curation.config.corpora import DemoWorldSource, PlantedNoise
from caption_curation.corpora.corpus import IMAGES, Corpus
from caption_curation.demo_world.rendering import render
from caption_curation.demo_world.scenes import Scene, random_scene
from caption_curation.demo_world.style import Style
from caption_curation.demo_world.wording import Statement, describe, ramble
from caption_curation.image_index import digest_of
from caption_curation.samples import CaptionedImage
from caption_curation.support.errors import InputError

NoiseKind = Literal["wrong_caption", "mismatched_image", "long_caption"]

SPLITS = ("train", "val", "test")
NOISE_STREAM = len(SPLITS)  # the planted noise's number among the random streams of a seed
JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True)
class RenderedImage:
    """An image of the world: ``scene`` is what its captions describe, ``shown`` what it shows."""

    image_id: str
    split: str
    scene: Scene
    shown: Scene
    captions: tuple[str, ...]

    @property
    def file_name(self) -> str:
        """Name of its file in the corpus's image folder."""
        return f"{self.image_id}.jpg"


@dataclass(frozen=True)
class World:
    """Images in the order of the splits, and the planted noise by sample id."""

    images: list[RenderedImage]
    noise: dict[str, NoiseKind]

    def corpus(self, splits: Collection[str]) -> Corpus:
        """The images as the stages see them, with no trace of what is noise."""
        return Corpus(
            source="demo_world",
            splits={
                split: [
                    CaptionedImage(image.image_id, image.file_name, image.captions)
                    for image in self.images
                    if image.split == split
                ]
                for split in splits
            },
        )

    def noise_records(self) -> list[dict[str, str]]:
        """One record for each noisy sample: ``sample_id``, ``kind``."""
        return [{"sample_id": sample_id, "kind": kind} for sample_id, kind in self.noise.items()]

    def scene_records(self) -> list[dict[str, Any]]:
        """One record for each image: ``image_id``, ``split``, ``scene``, ``shown``."""
        return [
            {
                "image_id": image.image_id,
                "split": image.split,
                "scene": asdict(image.scene),
                "shown": asdict(image.shown),
            }
            for image in self.images
        ]


def make_world(source: DemoWorldSource, style: Style, splits: Collection[str]) -> World:
    """Scenes and captions of the given splits, with noise planted in the training split.

    Of n images or samples, exactly ``round(rate * n)`` get each kind of noise, and no sample gets
    two kinds.

    Raises:
        InputError: the noise rates add up to more than all samples.
    """
    images: list[RenderedImage] = []
    noise: dict[str, NoiseKind] = {}
    for split in splits:
        of_split, statements = _clean_split(source, style, split)
        if split == "train":
            rng = np.random.default_rng([source.seed, NOISE_STREAM])
            noise = _choose_noise(of_split, source.noise, rng)
            of_split = _plant(of_split, statements, noise, style, rng)
        images += of_split
    return World(images, noise)


def render_images(world: World, style: Style, image_size: int, folder: Path) -> dict[str, str]:
    """Render all images of the world into ``folder``/images, as JPEG without chroma subsampling.

    Returns:
        The MD5 of each file, by its name.
    """
    (folder / IMAGES).mkdir(parents=True)
    digests = {}
    for image in tqdm(world.images, desc="rendering", unit="image", disable=None):
        file = io.BytesIO()
        render(image.shown, style, image_size).save(
            file, format="JPEG", quality=JPEG_QUALITY, subsampling=0
        )
        content = file.getvalue()
        (folder / IMAGES / image.file_name).write_bytes(content)
        digests[image.file_name] = digest_of(content)
    return digests


def _clean_split(
    source: DemoWorldSource, style: Style, split: str
) -> tuple[list[RenderedImage], list[list[Statement]]]:
    number = SPLITS.index(split)
    images, statements = [], []
    for position in range(getattr(source.images, split)):
        rng = np.random.default_rng([source.seed, number, position])
        scene = _random_scene(style, rng)
        of_image = describe(scene, style, rng)
        captions = tuple(statement.text for statement in of_image)
        # The split's number comes first, so that an id is unique in splits of any size.
        images.append(RenderedImage(f"{number}{position:05d}", split, scene, scene, captions))
        statements.append(of_image)
    return images, statements


def _choose_noise(
    images: list[RenderedImage], rates: PlantedNoise, rng: np.random.Generator
) -> dict[str, NoiseKind]:
    """The kind of noise of each noisy sample, in the order of the samples."""
    mismatched = round(rates.mismatched_image * len(images))
    order = rng.permutation(len(images))
    sample_ids = [_sample_ids(image) for image in images]
    total = sum(len(ids) for ids in sample_ids)
    kinds: dict[str, NoiseKind] = {
        sample_id: "mismatched_image"
        for index in order[:mismatched]
        for sample_id in sample_ids[index]
    }
    clean = [sample_id for index in sorted(order[mismatched:]) for sample_id in sample_ids[index]]
    wrong, long = round(rates.wrong_caption * total), round(rates.long_caption * total)
    if wrong + long > len(clean):
        raise InputError(
            f"planted noise: wrong_caption ({rates.wrong_caption}), mismatched_image "
            f"({rates.mismatched_image}) and long_caption ({rates.long_caption}) do not overlap, "
            f"so together they must not exceed 1, but {len(kinds)} + {wrong} + {long} samples of "
            f"{total} were asked for"
        )
    chosen = rng.permutation(len(clean))
    kinds |= {clean[index]: "wrong_caption" for index in chosen[:wrong]}
    kinds |= {clean[index]: "long_caption" for index in chosen[wrong : wrong + long]}
    return {
        sample_id: kinds[sample_id] for ids in sample_ids for sample_id in ids if sample_id in kinds
    }


def _plant(
    images: list[RenderedImage],
    statements: list[list[Statement]],
    noise: dict[str, NoiseKind],
    style: Style,
    rng: np.random.Generator,
) -> list[RenderedImage]:
    """The images with the chosen noise added."""
    noisy = []
    for image, of_image in zip(images, statements, strict=True):
        captions, shown = list(image.captions), image.shown
        for position, sample_id in enumerate(_sample_ids(image)):
            match noise.get(sample_id):
                case "wrong_caption":
                    captions[position] = _false_caption(image.shown, statements, rng)
                case "long_caption":
                    captions[position] = ramble(image.scene, style, rng)
                case "mismatched_image" if position == 0:
                    shown = _contradicting_scene(of_image, style, rng)
        noisy.append(replace(image, captions=tuple(captions), shown=shown))
    return noisy


def _false_caption(
    shown: Scene, statements: list[list[Statement]], rng: np.random.Generator
) -> str:
    """A caption of another image of the corpus that states something false of this one."""
    for index in rng.permutation(len(statements)):
        of_image = statements[int(index)]
        false = [statement.text for statement in of_image if not statement.is_true_of(shown)]
        if false:
            return false[int(rng.integers(len(false)))]
    raise InputError(
        "planted noise: no caption of the training split is false of another of its images; "
        "wrong_caption needs more training images"
    )


def _contradicting_scene(
    statements: list[Statement], style: Style, rng: np.random.Generator
) -> Scene:
    """A scene of which all the given captions are false."""
    while True:
        scene = _random_scene(style, rng)
        if not any(statement.is_true_of(scene) for statement in statements):
            return scene


def _random_scene(style: Style, rng: np.random.Generator) -> Scene:
    return random_scene(rng, list(style.palette), list(style.backgrounds))


def _sample_ids(image: RenderedImage) -> list[str]:
    return [f"{image.image_id}#{position}" for position in range(len(image.captions))]

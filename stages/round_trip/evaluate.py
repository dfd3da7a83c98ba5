"""Score the captions of all variants, and check their images where the truth is known."""

import json
from dataclasses import asdict
from typing import Any

from PIL import Image
from tqdm import tqdm

from caption_curation import paths
from caption_curation.coco_format import read_results
from caption_curation.demo_world.scenes import Scene, scene_from_json
from caption_curation.demo_world.style import DEFAULT
from caption_curation.ground_truth.scene_checker import SceneChecker
from caption_curation.metrics.coco.scores import CaptionedSplit, score_splits
from caption_curation.metrics.image_cider import image_ciders
from caption_curation.round_trip.variants import REAL, VARIANTS
from caption_curation.samples import read_images, read_json_lines, references_of, write_json_lines
from caption_curation.support.outputs import atomic_folder
from stages import round_trip, run


def main() -> None:
    """Write scores.json, by variant, and images.jsonl with a record for each of their images."""
    names = [REAL, *(variant.name for variant in VARIANTS)]
    references = references_of(read_images(paths.CORPUS / "val.jsonl"))
    captions = {name: read_results(round_trip.captions_file(name)) for name in names}
    splits = [CaptionedSplit(captions[name], references) for name in names]
    scores = {name: found.corpus for name, found in zip(names, score_splits(splits), strict=True)}
    ciders = dict(zip(names, image_ciders(splits), strict=True))
    facts = check_images(names)
    records = [
        {
            "variant": name,
            "image_id": image_id,
            "caption": captions[name][image_id],
            "cider": ciders[name][image_id],
            "facts": facts.get((name, image_id)),
        }
        for name in names
        for image_id in references
    ]
    with atomic_folder(round_trip.EVALUATION) as folder:
        text = json.dumps(scores, indent=2, allow_nan=False) + "\n"
        (folder / "scores.json").write_text(text, encoding="utf-8")
        write_json_lines(folder / "images.jsonl", records)


def check_images(names: list[str]) -> dict[tuple[str, str], dict[str, bool]]:
    """The facts that each image shows right, by variant and image id; only the demo knows them."""
    scenes: dict[str, Scene] = {
        record["image_id"]: scene_from_json(record["scene"])
        for record in read_json_lines(paths.GROUND_TRUTH / "scenes.jsonl")
        if record["split"] == "val"
    }
    if not scenes:
        return {}
    files = [(name, *pair) for name in names for pair in round_trip.image_files(name).items()]
    checker = SceneChecker(DEFAULT)
    facts: dict[tuple[str, str], dict[str, bool]] = {}
    for name, image_id, file in tqdm(files, desc="checking", unit="image", disable=None):
        with Image.open(file) as image:
            right: dict[str, Any] = asdict(checker.check(image, scenes[image_id]))
        facts[name, image_id] = {fact: bool(value) for fact, value in right.items()}
    return facts


if __name__ == "__main__":
    run(main)

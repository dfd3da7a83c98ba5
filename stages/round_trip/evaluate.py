"""Score the captions of all variants, and check their images where the truth is known."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tqdm import tqdm

from caption_curation import paths
from caption_curation.coco_format import read_results
from caption_curation.config.params import load_params
from caption_curation.demo_world.scenes import Scene, scene_from_json
from caption_curation.demo_world.style import DEFAULT
from caption_curation.ground_truth.scene_checker import SceneChecker
from caption_curation.pictures.reading import read_picture
from caption_curation.round_trip.parameters import load_round_trip
from caption_curation.round_trip.scoring import score_variants
from caption_curation.round_trip.variants import REAL
from caption_curation.samples import read_images, read_json_lines, references_of, write_json_lines
from caption_curation.support.outputs import atomic_folder
from stages import round_trip, run


def main() -> None:
    """Write scores.json, by variant, and images.jsonl with a record for each of their images."""
    names = [REAL, *(variant.name for variant in load_round_trip().grid.variants)]
    references = references_of(read_images(paths.CORPUS / "val.jsonl"))
    captions = {name: read_results(round_trip.captions_file(name)) for name in names}
    image_ids = {name: round_trip.image_ids(name) for name in names}
    language = load_params().experiment.evaluation.language
    scores = score_variants(captions, image_ids, references, language)
    facts = check_images(image_ids)
    records = [
        {
            "variant": name,
            "item_id": item_id,
            "image_id": image_id,
            "caption": captions[name][item_id],
            "cider": scores[name].ciders[item_id],
            "facts": facts.get((name, item_id)),
        }
        for name in names
        for item_id, image_id in image_ids[name].items()
    ]
    with atomic_folder(round_trip.EVALUATION) as folder:
        by_name = {name: found.metrics for name, found in scores.items()}
        text = json.dumps(by_name, indent=2, allow_nan=False) + "\n"
        (folder / "scores.json").write_text(text, encoding="utf-8")
        write_json_lines(folder / "images.jsonl", records)


def check_images(
    image_ids: Mapping[str, Mapping[str, str]],
) -> dict[tuple[str, str], dict[str, bool]]:
    """The facts that each image shows right, by variant and item id; only the demo knows them.

    Args:
        image_ids: by variant name, the original image of every item.
    """
    scenes: dict[str, Scene] = {
        record["image_id"]: scene_from_json(record["scene"])
        for record in read_json_lines(paths.GROUND_TRUTH / "scenes.jsonl")
        if record["split"] == "val"
    }
    if not scenes:
        return {}
    files = [(name, *pair) for name in image_ids for pair in round_trip.image_files(name).items()]
    checker = SceneChecker(DEFAULT)
    facts: dict[tuple[str, str], dict[str, bool]] = {}
    for name, item_id, file in tqdm(files, desc="checking", unit="image", disable=None):
        scene = scenes[image_ids[name][item_id]]
        right: dict[str, Any] = asdict(checker.check(read_picture(file), scene))
        facts[name, item_id] = {fact: bool(value) for fact, value in right.items()}
    return facts


if __name__ == "__main__":
    run(main)

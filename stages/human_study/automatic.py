"""Annotate the demo's images without people: the checker's verdicts, and annotators who err."""

from tqdm import tqdm

from caption_curation import paths
from caption_curation.demo_world.scenes import scene_from_json
from caption_curation.demo_world.style import DEFAULT
from caption_curation.ground_truth.scene_checker import SceneChecker
from caption_curation.human_study.annotations.automatic import simulate, verdict
from caption_curation.human_study.parameters import load_human_study
from caption_curation.human_study.study.sets import AUTOMATIC, VERDICTS, read_study
from caption_curation.pictures.reading import read_picture
from caption_curation.rng import rng_for
from caption_curation.samples import read_json_lines, write_json_lines
from caption_curation.support.outputs import atomic_folder
from stages import run


def main() -> None:
    """Write the verdicts and a file an annotator; neither has content for a real corpus."""
    settings = load_human_study().automatic
    scenes = {
        record["image_id"]: scene_from_json(record["scene"])
        for record in read_json_lines(paths.GROUND_TRUTH / "scenes.jsonl")
        if record["split"] == "val"
    }
    verdicts = []
    if scenes:
        checker = SceneChecker(DEFAULT)
        _, images = read_study(paths.HUMAN_STUDY)
        for shown in tqdm(images, desc="checking", unit="image", disable=None):
            found = verdict(checker, read_picture(shown.file), scenes[shown.image_id])
            verdicts.append((shown.set, shown.image_id, found))
    with atomic_folder(paths.HUMAN_STUDY / AUTOMATIC) as folder:
        for code, rates in settings.annotators.items() if verdicts else ():
            annotations = simulate(
                verdicts,
                annotator=code,
                miss=rates.miss,
                false_alarm=rates.false_alarm,
                rng=rng_for(settings.seed, "human study", code),
            )
            write_json_lines(folder / f"{code}.jsonl", annotations)
    write_json_lines(
        paths.HUMAN_STUDY / VERDICTS,
        ({"image_id": image_id, "categories": wrong} for _, image_id, wrong in verdicts),
    )


if __name__ == "__main__":
    run(main)

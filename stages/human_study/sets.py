"""Deal the images of lowest and highest loss into sets for annotators (paper, section 5.2)."""

from caption_curation import paths
from caption_curation.curation.scores import LOSS_UNITS
from caption_curation.human_study.parameters import load_human_study
from caption_curation.human_study.study.building import build_study
from stages import round_trip, run
from stages.human_study import LOSSES


def main() -> None:
    """Write sets.json, the sets' folders and, apart from them, the manifest with the losses."""
    settings = load_human_study()
    sets = build_study(
        paths.HUMAN_STUDY,
        LOSSES,
        clipscores=None,  # they are in the file of the losses
        images=round_trip.images_folder(settings.variant),
        references=paths.CORPUS / "val.jsonl",
        images_per_group=settings.images_per_group,
        sets=settings.sets,
        references_shown=settings.references_shown,
        loss_unit=LOSS_UNITS[settings.loss],
    )
    print(f"{len(sets)} sets of {len(sets[0])} images in {paths.HUMAN_STUDY}")


if __name__ == "__main__":
    run(main)

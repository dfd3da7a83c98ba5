"""Deal the images of lowest and highest loss into sets for annotators (paper, section 5.2).

A stage of stages/human_study/dvc.yaml, and a command for anyone's images and losses.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from caption_curation.human_study.study.building import (
    check_references,
    image_files,
    references_of_file,
    write_set_lists,
    write_sets,
)
from caption_curation.human_study.study.choosing import choose_sets, read_scored_images
from caption_curation.support.errors import InputError
from stages import run

# The paper's; the pipeline gives its own.
IMAGES_PER_GROUP = 50
SETS = 5
REFERENCES_SHOWN = 2


def main(*arguments: str) -> None:
    """Write sets.json and, with images and references, the sets' folders and the manifest."""
    options = _parse(arguments)
    if (options.images is None) != (options.references is None):
        raise InputError("--images and --references: give both, or neither for sets.json alone")
    if options.references_shown < 1:
        raise InputError(f"--references-shown = {options.references_shown}: at least 1")
    sets = choose_sets(
        read_scored_images(options.losses),
        images_per_group=options.images_per_group,
        sets=options.sets,
    )
    if options.images:
        image_ids = [str(one.image.image_id) for of_set in sets for one in of_set]
        references = references_of_file(options.references)
        check_references(image_ids, references, options.references)
        write_sets(
            options.out,
            sets,
            image_files(options.images, image_ids, options.references),
            references,
            references_shown=options.references_shown,
            loss_unit=options.loss_unit,
        )
    write_set_lists(options.out, sets)
    print(f"{len(sets)} sets of {len(sets[0])} images in {options.out}")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m stages.build_study", description=__doc__)
    parser.add_argument(
        "--losses",
        type=Path,
        required=True,
        metavar="FILE",
        help='JSON: [{"image_id": …, "loss": …}, …]; "clipscore" may be there too',
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="of the study")
    parser.add_argument(
        "--images", type=Path, metavar="FOLDER", help="files called like the image ids"
    )
    parser.add_argument(
        "--references",
        type=Path,
        metavar="FILE",
        help="of the images: COCO's captions (.json), or a corpus split (.jsonl)",
    )
    for name, default, text in (
        ("--images-per-group", IMAGES_PER_GROUP, "of the lowest losses, and of the highest"),
        ("--sets", SETS, "to deal them into"),
        ("--references-shown", REFERENCES_SHOWN, "for each image, short ones first"),
    ):
        parser.add_argument(
            name, type=int, default=default, metavar="N", help=f"{text} (default: %(default)s)"
        )
    parser.add_argument("--loss-unit", default="", metavar="TEXT", help="for the axes of figures")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run(main, *sys.argv[1:])

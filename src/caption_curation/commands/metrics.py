"""Score captions in files: python -m caption_curation.commands.metrics CANDIDATES REFERENCES [...].

Prints one JSON object, and nothing else, to standard output. Exit status 2: bad input; 1: Java
failed.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from caption_curation.coco_format import read_candidates_and_references
from caption_curation.config.profile import LocalModel
from caption_curation.metrics.all_scores import all_scores
from caption_curation.metrics.clip import REQUIRED_FILES
from caption_curation.metrics.coco.java import JavaError
from caption_curation.metrics.coco.scores import CaptionedSplit, check_captions
from caption_curation.metrics.image_files import find_images
from caption_curation.metrics.spice.files import ARCHIVE, machine_folder, missing_files
from caption_curation.pretrained import obtain_model
from caption_curation.samples import CaptionedImage
from caption_curation.support.errors import InputError


def main() -> int:
    """Read the files named on the command line, score, print; returns the exit status."""
    parser = _parser()
    arguments = parser.parse_args()
    if (arguments.images is None) != (arguments.clip is None):
        parser.error("--images and --clip go together")
    try:
        scores = _scores(arguments)
    except (InputError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except JavaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(scores, indent=2))
    return 0


def _scores(arguments: argparse.Namespace) -> dict[str, float | None]:
    candidates, references = read_candidates_and_references(
        arguments.candidates, arguments.references
    )
    without_spice = missing_files(machine_folder()) if arguments.spice != "off" else ""
    if without_spice and arguments.spice == "on":
        raise InputError(f"--spice on: {without_spice}; {ARCHIVE} holds them")
    spice_files = machine_folder() if without_spice is None else None
    split = CaptionedSplit(candidates, references)
    check_captions(candidates, references)
    images: list[CaptionedImage] = []
    if arguments.clip:
        model = LocalModel(source="local", path=str(arguments.clip))
        obtain_model(model, required=REQUIRED_FILES)
        files = find_images(arguments.images, list(references), arguments.references[0])
        images = [
            CaptionedImage(image_id, str(file), tuple(captions))
            for file, (image_id, captions) in zip(files, references.items(), strict=True)
        ]
    # METEOR starts before CLIP's libraries are imported, which takes about as long.
    with ThreadPoolExecutor(max_workers=1) as thread:
        result = thread.submit(
            all_scores, [split], spice_files=spice_files, tokenize=arguments.tokenize
        )
        clip_scores = _clip_scores(arguments.clip, images, candidates) if images else {}
        scores = result.result()[0]
    if arguments.spice == "off":
        del scores["spice"]
    elif without_spice:
        print(f"no SPICE: {without_spice}; {ARCHIVE} holds them", file=sys.stderr)
    return {**scores, **clip_scores}


def _clip_scores(
    model: Path, images: Sequence[CaptionedImage], candidates: Mapping[str, str]
) -> dict[str, float | None]:
    from caption_curation.compute.devices import prepare_device
    from caption_curation.evaluation.numbers import mean_clip_scores
    from caption_curation.metrics.clip.features import score_split, split_features
    from caption_curation.metrics.clip.model import load_clip

    clip = load_clip(model, prepare_device())
    features = split_features(clip, images, Path())
    return mean_clip_scores({"test": score_split(clip, images, features, candidates)}, "test")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m caption_curation.commands.metrics",
        description="BLEU, METEOR, ROUGE-L and CIDEr of generated captions, and, where asked for, "
        "SPICE, CLIPScore and RefCLIPScore, as JSON.",
        epilog="Files are COCO JSON if their names end in .json, otherwise text with one caption "
        "a line, where line i of each file belongs to the same image.",
    )
    parser.add_argument(
        "candidates",
        type=Path,
        metavar="CANDIDATES",
        help='COCO results, [{"image_id": 1, "caption": "…"}, …], or text',
    )
    parser.add_argument(
        "references",
        type=Path,
        nargs="+",
        metavar="REFERENCES",
        help="one file of COCO captions (images and annotations), or any number of text files",
    )
    parser.add_argument(
        "--no-tokenize",
        dest="tokenize",
        action="store_false",
        help="take tokens as separated by white space, instead of applying the PTB tokenizer "
        "of the COCO evaluation",
    )
    parser.add_argument(
        "--spice",
        choices=("auto", "on", "off"),
        default="off",
        help="auto: null, with a line that says why, where SPICE's two files are missing; on: that "
        "is an error; off, the default: without SPICE",
    )
    parser.add_argument(
        "--images",
        type=Path,
        metavar="FOLDER",
        help="the images, for CLIPScore: files called as the references' JSON says, otherwise "
        "like the image id (of text files: the number of the line)",
    )
    parser.add_argument(
        "--clip",
        type=Path,
        metavar="FOLDER",
        help="the CLIP of CLIPScore, in the Hugging Face hub's layout with safetensors weights",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

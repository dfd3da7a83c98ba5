"""Compare what you downloaded for a profile with what it needs; downloads nothing.

Not a stage of the pipeline: the corpus stage checks again what it reads.
"""

import argparse
import sys
from collections.abc import Sequence

from caption_curation.captioner import model as captioner_model
from caption_curation.config.params import load_params, load_profile
from caption_curation.downloads.check import Check, SplitCheck, check_profile
from caption_curation.metrics import clip
from caption_curation.support.errors import InputError, list_faults
from caption_curation.text_to_image import bases as generator_bases
from caption_curation.text_to_image import sbert_captions
from stages import run


def main(*arguments: str) -> None:
    """Print what is there; everything that is missing ends it with an error."""
    options = _parse(arguments)
    profile = load_profile(options.profile) if options.profile else load_params().profile
    checks = check_profile(profile, _required_files(), decode=options.decode)
    for check in checks:
        print("\n".join(_described(check)))
    faults = [fault for check in checks for fault in check.faults]
    if faults:
        raise InputError(list_faults("missing or not as published", faults))
    print("Nothing is missing." if checks else "There is nothing to download.")


def _required_files() -> dict[str, Sequence[str]]:
    return {
        "captioner.base": captioner_model.REQUIRED_FILES,
        "captioner.base.tokenizer": ("vocab.txt",),
        "generator.base": generator_bases.REQUIRED_FILES,
        "sentence_encoder": sbert_captions.REQUIRED_FILES,
        "clip": clip.REQUIRED_FILES,
    }


def _described(check: Check) -> list[str]:
    state = "" if not check.faults else "  ← see below"
    lines = [f"{check.key}: {check.found}{state}"]
    if check.splits:
        lines.append(f"  {'split':6}" + "".join(f"{name:>12}" for name in COLUMNS))
    return lines + [f"  {one.split:6}" + "".join(_cells(one)) for one in check.splits]


COLUMNS = ("published", "listed", "present", "missing", "unreadable")


def _cells(split: SplitCheck) -> list[str]:
    numbers = [getattr(split, name) for name in COLUMNS]
    return [f"{'-' if number is None else f'{number:,}':>12}" for number in numbers]


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.check_downloads",
        description="Compare the corpora and models that a profile names with the published sizes, "
        "and say what is missing and where it is to be had. Nothing is downloaded.",
    )
    parser.add_argument("--profile", help="default: the one that params.yaml names")
    parser.add_argument(
        "--decode",
        action="store_true",
        help="decode every image, as the corpus stage does (minutes for COCO); "
        "otherwise only their headers are read",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run(main, *sys.argv[1:])

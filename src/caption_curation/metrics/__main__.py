"""Score captions in files: python -m caption_curation.metrics CANDIDATES REFERENCES [...].

Prints one JSON object, and nothing else, to standard output. Exit status 2: bad input; 1: Java
failed.
"""

import argparse
import json
import sys
from pathlib import Path

from caption_curation.errors import InputError
from caption_curation.metrics.caption_files import read_candidates_and_references
from caption_curation.metrics.captions import score_captions
from caption_curation.metrics.java import JavaError


def main() -> int:
    """Read the files named on the command line, score, print; returns the exit status."""
    arguments = _parser().parse_args()
    try:
        candidates, references = read_candidates_and_references(
            arguments.candidates, arguments.references
        )
        scores = score_captions(candidates, references, tokenize=arguments.tokenize)
    except (InputError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except JavaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(scores, indent=2))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m caption_curation.metrics",
        description="BLEU, METEOR, ROUGE-L and CIDEr of generated captions, as JSON.",
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
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""The tokenizer of the COCO caption evaluation: Stanford's PTBTokenizer, punctuation removed.

The jar and the list of punctuation are pycocoevalcap's. Its Python wrapper is not used, because
it writes a temporary file beside the jar, in site-packages, and does not notice lost lines.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from caption_curation.metrics.coco.java import JavaError, use_bundled_java


def normalize_white_space(caption: str) -> str:
    """Replace every run of white space by one space, and strip both ends.

    The tokenizer takes \\r, \\v, \\f, U+0085, U+2028 and U+2029 for line breaks: each of them
    within a caption would shift all captions after it. `str.split` knows them all. A lone
    surrogate, which cannot be encoded as UTF-8, becomes a question mark.
    """
    return " ".join(caption.encode("utf-8", "replace").decode("utf-8").split())


def ptb_tokenize(captions: Sequence[str]) -> list[str]:
    """Lower-case and tokenize captions, and remove punctuation.

    Args:
        captions: captions without line breaks (see `normalize_white_space`); may be empty.

    Returns:
        For each caption, its tokens joined by spaces, in the order of `captions`.

    Raises:
        JavaError: the tokenizer failed, or returned another number of lines than of captions.
    """
    from pycocoevalcap.tokenizer import ptbtokenizer

    jar = Path(ptbtokenizer.__file__).parent / ptbtokenizer.STANFORD_CORENLP_3_4_1_JAR
    program = [str(use_bundled_java()), "-cp", str(jar), "edu.stanford.nlp.process.PTBTokenizer"]
    try:
        run = subprocess.run(
            [*program, "-preserveLines", "-lowerCase"],
            input="".join(f"{caption}\n" for caption in captions).encode(),
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise JavaError(f"the PTB tokenizer could not be started: {error}") from error
    if run.returncode != 0:
        raise JavaError(
            f"the PTB tokenizer failed with exit status {run.returncode}: "
            f"{run.stderr.decode(errors='replace').strip()}"
        )
    lines = run.stdout.decode().removesuffix("\n").split("\n") if run.stdout else []
    if len(lines) != len(captions):
        raise JavaError(
            f"the PTB tokenizer returned {len(lines)} lines for {len(captions)} captions"
        )
    punctuation = set(ptbtokenizer.PUNCTUATIONS)
    # Only spaces separate tokens: the no-break space within "1 1/2" belongs to its token.
    return [
        " ".join(token for token in line.rstrip().split(" ") if token not in punctuation)
        for line in lines
    ]

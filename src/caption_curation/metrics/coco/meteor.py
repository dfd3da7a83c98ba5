"""METEOR 1.5 as a child process that ends with the `with` block that uses it.

METEOR exists in Java only. pycocoevalcap's wrapper starts and feeds it, but leaves the process
running and its lock held when something fails; this module adds what is missing there.
"""

import contextlib
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from caption_curation.config.languages import ENGLISH
from caption_curation.metrics.coco.java import JavaError, use_bundled_java
from caption_curation.metrics.languages import STEMMED

if TYPE_CHECKING:
    from pycocoevalcap.meteor.meteor import Meteor

_FIELD_SEPARATOR = "|||"


@contextlib.contextmanager
def meteor_process(language: str = ENGLISH) -> Iterator["Meteor"]:
    """Start METEOR's Java program, which needs about 10 s before it returns its first score.

    The call itself returns at once. At the end of the block the program is stopped and its pipes
    are closed, even if the block fails or another thread is still in `meteor_score`.

    Args:
        language: English, or one of ``STEMMED``; captions in these must be tokenized and in lower
            case, since METEOR normalizes no text of theirs.

    Raises:
        JavaError: the bundled Java is missing or cannot be started.
    """
    use_bundled_java()
    try:
        meteor = _start(language)
    except OSError as error:
        raise JavaError(f"METEOR could not be started: {error}") from error
    process = meteor.meteor_p
    try:
        yield meteor
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            # What METEOR has not read by now cannot be flushed any more.
            with contextlib.suppress(OSError):
                pipe.close()


def _start(language: str) -> "Meteor":
    from pycocoevalcap.meteor import meteor as module

    if language == ENGLISH:
        return module.Meteor()
    # The wrapper is one of English.
    meteor: Meteor = module.Meteor.__new__(module.Meteor)
    program = ["java", "-jar", "-Xmx2G", module.METEOR_JAR, "-", "-", "-stdio"]
    meteor.meteor_p = subprocess.Popen(
        [*program, "-l", STEMMED[language]],
        cwd=Path(module.__file__).parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    meteor.lock = threading.Lock()
    return meteor


def meteor_scores(
    meteor: "Meteor",
    candidates: Mapping[str, list[str]],
    references: Mapping[str, list[str]],
) -> tuple[float, list[list[int]]]:
    """Score one caption per image against its references.

    The score of the corpus is computed from the sums of counts over its images; an image's counts
    are those with the reference of which its score is highest.

    Args:
        meteor: what `meteor_process` yields.
        candidates: image id → a list of exactly one caption without line breaks.
        references: image id → captions without line breaks; the same ids.

    Returns:
        METEOR of the corpus, 0 to 1; and of every image, in the order of ``references``, the counts
        in METEOR's order: tokens of candidate and reference, function words of both; matched
        content words of both and function words of both, for each of four kinds of match (exact,
        stem, synonym, paraphrase); chunks; matched words of both.

    Raises:
        JavaError: METEOR stopped or returned no number; the message contains its standard error.
    """
    process = meteor.meteor_p
    try:
        # As Meteor.compute_score does, which does not hand out the counts. Its _stat removes the
        # separator from candidates only; a reference would be split in two by it.
        counts = [
            meteor._stat(
                candidates[image_id][0],
                [caption.replace(_FIELD_SEPARATOR, "") for caption in captions],
            )
            for image_id, captions in references.items()
        ]
        line = _FIELD_SEPARATOR.join(["EVAL ", *(f" {values} " for values in counts)])
        process.stdin.write(f"{line.strip()}\n".encode())
        process.stdin.flush()
        for _ in counts:  # the score of every image, which says no more than its counts
            process.stdout.readline()
        score = float(process.stdout.readline())
        return score, [[int(float(value)) for value in values.split()] for values in counts]
    except (OSError, ValueError) as error:
        process.kill()
        process.wait()
        reason = process.stderr.read().decode(errors="replace").strip()
        raise JavaError(f"METEOR stopped before it returned its scores: {reason}") from error

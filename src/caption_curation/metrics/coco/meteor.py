"""METEOR 1.5 as a child process that ends with the `with` block that uses it.

METEOR exists in Java only. pycocoevalcap's wrapper starts and feeds it, but leaves the process
running and its lock held when something fails; this module adds what is missing there.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from caption_curation.metrics.coco.java import JavaError, use_bundled_java

if TYPE_CHECKING:
    from pycocoevalcap.meteor.meteor import Meteor

_FIELD_SEPARATOR = "|||"


@contextlib.contextmanager
def meteor_process() -> Iterator["Meteor"]:
    """Start METEOR's Java program, which needs about 10 s before it returns its first score.

    The call itself returns at once. At the end of the block the program is stopped and its pipes
    are closed, even if the block fails or another thread is still in `meteor_score`.

    Raises:
        JavaError: the bundled Java is missing or cannot be started.
    """
    use_bundled_java()
    from pycocoevalcap.meteor.meteor import Meteor

    try:
        meteor = Meteor()
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


def meteor_score(
    meteor: "Meteor",
    candidates: Mapping[str, list[str]],
    references: Mapping[str, list[str]],
) -> float:
    """Score one caption per image against its references; METEOR of the corpus, 0 to 1.

    Args:
        meteor: what `meteor_process` yields.
        candidates: image id → a list of exactly one caption without line breaks.
        references: image id → captions without line breaks; the same ids.

    Raises:
        JavaError: METEOR stopped or returned no number; the message contains its standard error.
    """
    # Meteor removes the separator from candidates only; a reference would be split in two by it.
    references = {
        image_id: [caption.replace(_FIELD_SEPARATOR, "") for caption in captions]
        for image_id, captions in references.items()
    }
    try:
        score, _ = meteor.compute_score(references, candidates)
    except (OSError, ValueError) as error:
        process = meteor.meteor_p
        process.kill()
        process.wait()
        reason = process.stderr.read().decode(errors="replace").strip()
        raise JavaError(f"METEOR stopped before it returned its scores: {reason}") from error
    finally:
        # compute_score keeps the lock when it fails, and Meteor.__del__ would wait for it forever.
        if meteor.lock.locked():
            meteor.lock.release()
    return float(score)

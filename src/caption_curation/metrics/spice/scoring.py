"""SPICE (Anderson et al. 2016): the program in pycocoevalcap, with Stanford CoreNLP 3.6.0.

SPICE exists in Java only. pycocoevalcap's own wrapper is not used: it downloads CoreNLP, writes
into site-packages, and needs a Java older than 15. The program's cache of parsed captions is not
used either: it looks up all captions before it parses any, so an initially empty cache saves next
to nothing.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from caption_curation.metrics.coco.java import JavaError, use_bundled_java
from caption_curation.metrics.coco.ptb_tokenizer import normalize_white_space, ptb_tokenize
from caption_curation.metrics.coco.scores import CaptionedSplit
from caption_curation.metrics.spice.files import FILES

MAIN_CLASS = "edu.anu.spice.SpiceResult"  # in the folder spice_result beside this file
# SPICE's libraries use reflection on these packages, which Java closes from version 16 on.
OPENED = ("java.lang", "java.math", "java.util", "java.util.concurrent", "java.net", "java.text")
MEMORY = "-Xmx8G"  # maximum, as in pycocoevalcap
ERROR_CHARACTERS = 2000  # of the end of what a failed run wrote to standard error


def spice_scores(
    splits: Sequence[CaptionedSplit], files: Path, *, tokenize: bool = True
) -> list[list[float]]:
    """SPICE's F-scores (0 to 1) of the images of several sets, in order; a set's SPICE is the mean.

    One run scores all sets, since every image has its own F-score, and loading the parser takes
    longest.

    Args:
        splits: that :func:`caption_curation.metrics.coco.scores.score_splits` accepts.
        files: the folder of CoreNLP's two files.
        tokenize: as for :func:`~caption_curation.metrics.coco.scores.score_splits`.

    Raises:
        JavaError: the program failed or its result is not as expected.
    """
    prepare = _tokenizer(splits) if tokenize else normalize_white_space
    entries = _entries(splits, prepare)
    f_scores = iter(_run(entries, files))
    return [[next(f_scores) for _ in split.references] for split in splits]


def _tokenizer(splits: Sequence[CaptionedSplit]) -> Callable[[str], str]:
    """A function that returns the tokenized form of any caption of the splits (one run for all)."""
    captions = list(
        dict.fromkeys(
            normalize_white_space(caption)
            for split in splits
            for group in (split.candidates.values(), *split.references.values())
            for caption in group
        )
    )
    tokenized = dict(zip(captions, ptb_tokenize(captions), strict=True))
    return lambda caption: tokenized[normalize_white_space(caption)]


def _entries(
    splits: Sequence[CaptionedSplit], prepare: Callable[[str], str]
) -> list[dict[str, Any]]:
    """What the program reads; the ids are positions in the list."""
    pairs = [
        (split.candidates[image_id], references)
        for split in splits
        for image_id, references in split.references.items()
    ]
    return [
        {
            "image_id": position,
            "test": prepare(candidate),
            "refs": [prepare(reference) for reference in references],
        }
        for position, (candidate, references) in enumerate(pairs)
    ]


def _run(entries: Sequence[dict[str, Any]], files: Path) -> list[float]:
    """The F-score of each entry."""
    from pycocoevalcap.spice import spice

    program = Path(spice.__file__).parent
    ours = Path(__file__).resolve().parent / "spice_result"
    jars = [ours, program / spice.SPICE_JAR, *(files.resolve() / name for name in FILES)]
    with tempfile.TemporaryDirectory(prefix="spice-") as name:
        folder = Path(name)
        source, result = folder / "in.json", folder / "out.json"
        source.write_text(json.dumps(entries), encoding="utf-8")
        command = [
            *(str(use_bundled_java()), MEMORY, f"-Djava.io.tmpdir={folder}"),
            *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED),
            *("-cp", os.pathsep.join(map(str, jars)), MAIN_CLASS),
            *(str(result), str(source), "-silent"),
        ]
        try:
            run = subprocess.run(command, capture_output=True, check=False, cwd=folder)
        except OSError as error:
            raise JavaError(f"SPICE could not be started: {error}") from error
        errors = run.stderr.decode(errors="replace").strip()[-ERROR_CHARACTERS:]
        if run.returncode != 0:
            raise JavaError(f"SPICE failed with exit status {run.returncode}: {errors}")
        try:
            content = json.loads(result.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise JavaError(f"SPICE wrote no result: {errors}") from error
        except ValueError as error:
            raise JavaError(f"SPICE wrote malformed JSON ({error}): {errors}") from error
    return _f_scores(content, len(entries))


def _f_scores(content: Any, count: int) -> list[float]:
    """The F-scores in the program's result, in the order of the entries' ids."""
    try:
        found = {entry["image_id"]: entry["scores"]["All"]["f"] for entry in content}
    except (TypeError, KeyError) as error:
        raise JavaError(f"SPICE's result lacks an F-score: {error!r}") from error
    if len(content) != count or found.keys() != set(range(count)):
        raise JavaError(f"SPICE scored {len(content)} captions of {count}, or others")
    wrong = [score for score in found.values() if not _is_f_score(score)]
    if wrong:
        raise JavaError(f"SPICE returned F-scores outside of 0..1, such as {wrong[0]!r}")
    return [float(found[position]) for position in range(count)]


def _is_f_score(score: Any) -> bool:
    return isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 1

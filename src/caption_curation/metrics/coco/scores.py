"""BLEU, METEOR, ROUGE-L and CIDEr as in the COCO caption evaluation.

The scorers are pycocoevalcap's, called one by one: its `COCOEvalCap.evaluate` always builds SPICE.
All scores are on the scale of the formulas, not times 100.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from caption_curation.metrics.coco.meteor import meteor_process, meteor_score
from caption_curation.metrics.coco.ptb_tokenizer import normalize_white_space, ptb_tokenize
from caption_curation.support.errors import InputError, list_faults


@dataclass(frozen=True)
class CaptionedSplit:
    """Generated captions of a split, by image id, and the references of the same images."""

    candidates: Mapping[str, str]
    references: Mapping[str, Sequence[str]]


def score_captions(
    candidates: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    *,
    tokenize: bool = True,
) -> dict[str, float]:
    """Score one generated caption per image against the image's reference captions.

    All metrics are corpus-level: scores of parts must not be averaged (CIDEr weights n-grams by how
    many of the given images have them in their references). An empty candidate adds nothing to
    BLEU's counts, so that the brevity penalty grows, has no METEOR matches, and counts as 0 in the
    means of ROUGE-L and CIDEr.

    Args:
        candidates: image id → generated caption, possibly empty.
        references: image id → at least one reference caption; the same ids.
        tokenize: lower-case, tokenize and drop punctuation as the COCO evaluation does. Without
            it captions are used as they are, tokens separated by white space (METEOR still
            applies its own normalization).

    Returns:
        bleu_1 to bleu_4, meteor and rouge_l, each in 0..1, and cider, in 0..10.

    Raises:
        InputError: the captions are not as described; raised before any scoring.
        JavaError: the bundled Java is missing or failed.
    """
    return score_splits([CaptionedSplit(candidates, references)], tokenize=tokenize)[0]


def score_splits(
    splits: Sequence[CaptionedSplit], *, tokenize: bool = True
) -> list[dict[str, float]]:
    """The scores of several sets of captions, each a corpus of its own, in order.

    Starting METEOR takes longer than all the rest, so one METEOR process serves all sets.
    Arguments, results and errors are those of `score_captions`.
    """
    for split in splits:
        check_captions(split.candidates, split.references)
    # METEOR starts before anything else, and scores in a thread while the other metrics are
    # computed. The process is the inner block: if something fails, it ends first, and the
    # thread that waits for it ends with it.
    with ThreadPoolExecutor(max_workers=1) as thread, meteor_process() as meteor:
        corpora = _prepare(splits, tokenize=tokenize)
        meteor_results = [
            thread.submit(meteor_score, meteor, corpus.candidates, corpus.references)
            for corpus in corpora
        ]
        others = [(_bleu(corpus), _rouge_l(corpus), _cider(corpus)) for corpus in corpora]
        return [
            {**bleu, "meteor": result.result(), "rouge_l": rouge_l, "cider": cider_}
            for result, (bleu, rouge_l, cider_) in zip(meteor_results, others, strict=True)
        ]


def cider(
    candidates: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    *,
    tokenize: bool = True,
) -> float:
    """CIDEr alone, in 0..10; 1,000 images with 5 references each take less than a second.

    Arguments and errors are those of `score_captions`. With `tokenize=False` no Java is needed.
    For a single image it is always 0, since every n-gram then occurs in all images.
    """
    check_captions(candidates, references)
    [corpus] = _prepare([CaptionedSplit(candidates, references)], tokenize=tokenize)
    return _cider(corpus)


def check_captions(candidates: Mapping[str, str], references: Mapping[str, Sequence[str]]) -> None:
    """Raise an InputError that names all faults, unless `score_captions` accepts these captions."""
    if not candidates:
        raise InputError("there are no candidate captions")
    groups = {
        "candidates without references": candidates.keys() - references.keys(),
        "references without a candidate": references.keys() - candidates.keys(),
        "empty lists of references": {
            image_id for image_id, captions in references.items() if not captions
        },
        "references that are one string, not a list": {
            image_id for image_id, captions in references.items() if isinstance(captions, str)
        },
    }
    faults = [
        list_faults(f"image ids of {fault}", sorted(image_ids))
        for fault, image_ids in groups.items()
        if image_ids
    ]
    if faults:
        raise InputError("\n".join(faults))


@dataclass(frozen=True)
class _Corpus:
    """Captions in the form that pycocoevalcap's scorers expect: lists, in the same order of ids."""

    candidates: dict[str, list[str]]  # exactly one caption each
    references: dict[str, list[str]]


def _prepare(splits: Sequence[CaptionedSplit], *, tokenize: bool) -> list[_Corpus]:
    """Normalize and tokenize all captions in one run; the order is that of the references."""
    captions = [
        normalize_white_space(caption)
        for split in splits
        for group in (
            [split.candidates[image_id] for image_id in split.references],
            *split.references.values(),
        )
        for caption in group
    ]
    if tokenize:
        captions = ptb_tokenize(captions)
    remaining = iter(captions)
    corpora = [
        _Corpus(
            candidates={image_id: [next(remaining)] for image_id in split.references},
            references={
                image_id: [next(remaining) for _ in group]
                for image_id, group in split.references.items()
            },
        )
        for split in splits
    ]
    for corpus in corpora:
        if not any(caption for group in corpus.references.values() for caption in group):
            raise InputError("no reference caption contains a word")
    return corpora


def _bleu(corpus: _Corpus) -> dict[str, float]:
    from pycocoevalcap.bleu.bleu import Bleu

    scores, _ = Bleu(4).compute_score(corpus.references, corpus.candidates, verbose=0)
    return {f"bleu_{n}": float(score) for n, score in enumerate(scores, start=1)}


def _rouge_l(corpus: _Corpus) -> float:
    from pycocoevalcap.rouge.rouge import Rouge

    score, _ = Rouge().compute_score(corpus.references, corpus.candidates)
    return float(score)


def _cider(corpus: _Corpus) -> float:
    from pycocoevalcap.cider.cider import Cider

    score, _ = Cider().compute_score(corpus.references, corpus.candidates)
    return float(score)

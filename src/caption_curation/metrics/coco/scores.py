"""BLEU, METEOR, ROUGE-L and CIDEr as in the COCO caption evaluation, also in other languages.

The scorers are pycocoevalcap's, called one by one: its `COCOEvalCap.evaluate` always builds SPICE.
All scores are on the scale of the formulas, not times 100.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from caption_curation.config.languages import ENGLISH
from caption_curation.metrics.coco.meteor import meteor_process, meteor_scores
from caption_curation.metrics.coco.ptb_tokenizer import normalize_white_space
from caption_curation.metrics.coco.tokens import tokenize_captions
from caption_curation.metrics.languages import without_meteor
from caption_curation.support.errors import InputError, list_faults


@dataclass(frozen=True)
class CaptionedSplit:
    """Generated captions of a split, by image id, and the references of the same images."""

    candidates: Mapping[str, str]
    references: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class SplitScores:
    """What scoring a split gives.

    Attributes:
        corpus: the score of the whole split by metric; ``None``: not computed.
        images: image id → of that image, in the order of the references:
            ``bleu``: number of tokens, of those of the closest reference, and of 1- to 4-grams that
            references have too;
            ``meteor``: the 23 counts that METEOR adds up over images, in its order, where METEOR
            knows the language;
            ``rouge_l`` (0 to 1) and ``cider`` (0 to 10, n-grams weighted by the whole split), whose
            means are those of the split.
    """

    corpus: dict[str, float | None]
    images: dict[str, dict[str, Any]]


def score_captions(
    candidates: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    *,
    tokenize: bool = True,
    language: str = ENGLISH,
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
            applies its own normalization, in English).
        language: of all captions, a code of ISO 639-1; others than English are tokenized by
            :func:`.unicode_words.unicode_words`.

    Returns:
        bleu_1 to bleu_4, meteor (in the languages that it knows) and rouge_l, each in 0..1, and
        cider, in 0..10.

    Raises:
        InputError: the captions are not as described; raised before any scoring.
        JavaError: the bundled Java is missing or failed.
    """
    [scores] = score_splits(
        [CaptionedSplit(candidates, references)], tokenize=tokenize, language=language
    )
    return {name: score for name, score in scores.corpus.items() if score is not None}


def score_splits(
    splits: Sequence[CaptionedSplit], *, tokenize: bool = True, language: str = ENGLISH
) -> list[SplitScores]:
    """The scores of several sets of captions, each a corpus of its own, in order.

    Starting METEOR takes longer than all the rest, so one METEOR process serves all sets.
    Arguments, scores of the corpus and errors are those of `score_captions`; METEOR is None in
    a language that it does not know.
    """
    for split in splits:
        check_captions(split.candidates, split.references)
    if without_meteor(language):
        return [
            _split_scores(corpus, _bleu(corpus), None, _rouge_l(corpus), _cider(corpus))
            for corpus in _prepare(splits, tokenize=tokenize, language=language)
        ]
    # METEOR starts before anything else, and scores in a thread while the other metrics are
    # computed. The process is the inner block: if something fails, it ends first, and the
    # thread that waits for it ends with it.
    with ThreadPoolExecutor(max_workers=1) as thread, meteor_process(language) as meteor:
        corpora = _prepare(splits, tokenize=tokenize, language=language)
        meteor_results = [
            thread.submit(meteor_scores, meteor, corpus.candidates, corpus.references)
            for corpus in corpora
        ]
        others = [(_bleu(corpus), _rouge_l(corpus), _cider(corpus)) for corpus in corpora]
        return [
            _split_scores(corpus, bleu, result.result(), rouge_l, cider_)
            for corpus, result, (bleu, rouge_l, cider_) in zip(
                corpora, meteor_results, others, strict=True
            )
        ]


def _split_scores(
    corpus: "_Corpus",
    bleu: tuple[dict[str, float], list[list[int]]],
    meteor: tuple[float, list[list[int]]] | None,
    rouge_l: tuple[float, list[float]],
    cider: tuple[float, list[float]],
) -> SplitScores:
    """Each measure's score of the corpus, and what it has of every image."""
    of_images: dict[str, Sequence[Any]] = {"bleu": bleu[1]}
    if meteor:
        of_images["meteor"] = meteor[1]
    of_images |= {"rouge_l": rouge_l[1], "cider": cider[1]}
    corpus_meteor = meteor[0] if meteor else None
    return SplitScores(
        {**bleu[0], "meteor": corpus_meteor, "rouge_l": rouge_l[0], "cider": cider[0]},
        {
            image_id: dict(zip(of_images, values, strict=True))
            for image_id, *values in zip(corpus.references, *of_images.values(), strict=True)
        },
    )


def cider(
    candidates: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    language: str = ENGLISH,
    *,
    tokenize: bool = True,
) -> float:
    """CIDEr alone, in 0..10; 1,000 images with 5 references each take less than a second.

    Arguments and errors are those of `score_captions`. Java is needed to tokenize English only.
    For a single image it is always 0, since every n-gram then occurs in all images.
    """
    check_captions(candidates, references)
    split = CaptionedSplit(candidates, references)
    [corpus] = _prepare([split], tokenize=tokenize, language=language)
    return _cider(corpus)[0]


def cider_and_bleu_4(
    candidates: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    language: str = ENGLISH,
) -> float:
    """CIDEr plus BLEU-4, in 0..11, by which BLIP chooses an epoch; as fast as `cider`."""
    check_captions(candidates, references)
    split = CaptionedSplit(candidates, references)
    [corpus] = _prepare([split], tokenize=True, language=language)
    return _cider(corpus)[0] + _bleu(corpus)[0]["bleu_4"]


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


def _prepare(splits: Sequence[CaptionedSplit], *, tokenize: bool, language: str) -> list[_Corpus]:
    """Normalize and tokenize all captions in one run; the order is that of the references."""
    captions = [
        caption
        for split in splits
        for group in (
            [split.candidates[image_id] for image_id in split.references],
            *split.references.values(),
        )
        for caption in group
    ]
    if tokenize:
        captions = tokenize_captions(captions, language)
    else:
        captions = [normalize_white_space(caption) for caption in captions]
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


def _bleu(corpus: _Corpus) -> tuple[dict[str, float], list[list[int]]]:
    # What pycocoevalcap's Bleu does, which does not hand out the counts.
    from pycocoevalcap.bleu.bleu_scorer import BleuScorer

    scorer = BleuScorer(n=4)
    for image_id, references in corpus.references.items():
        scorer += (corpus.candidates[image_id][0], references)
    scores, _ = scorer.compute_score(option="closest")
    counts = []
    for image in scorer.ctest:
        tokens = image["testlen"]
        closest = min((abs(length - tokens), length) for length in image["reflen"])[1]
        counts.append([tokens, closest, *image["correct"]])
    return {f"bleu_{n}": float(score) for n, score in enumerate(scores, start=1)}, counts


def _rouge_l(corpus: _Corpus) -> tuple[float, list[float]]:
    from pycocoevalcap.rouge.rouge import Rouge

    score, of_images = Rouge().compute_score(corpus.references, corpus.candidates)
    return float(score), [float(value) for value in of_images]


def _cider(corpus: _Corpus) -> tuple[float, list[float]]:
    from pycocoevalcap.cider.cider import Cider

    score, of_images = Cider().compute_score(corpus.references, corpus.candidates)
    return float(score), [float(value) for value in of_images]

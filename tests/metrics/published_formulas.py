"""The scores of captions by the formulas of their papers, from tokens."""

import math
from collections import Counter
from collections.abc import Mapping
from functools import cache

Tokens = tuple[str, ...]
Corpus = Mapping[str, tuple[Tokens, list[Tokens]]]  # image id → (candidate, references)


def ngrams(tokens: Tokens, n: int) -> Counter[Tokens]:
    return Counter(tokens[i : i + n] for i in range(len(tokens) - n + 1))


def bleu(corpus: Corpus, highest: int) -> float:
    """Papineni et al. (2002): clipped n-gram precision, closest reference length."""
    log_precision = 0.0
    for n in range(1, highest + 1):
        matched = total = 0
        for candidate, references in corpus.values():
            counts = ngrams(candidate, n)
            most = {gram: max(ngrams(r, n)[gram] for r in references) for gram in counts}
            matched += sum(min(count, most[gram]) for gram, count in counts.items())
            total += counts.total()
        log_precision += math.log(matched / total) / highest
    length = sum(len(candidate) for candidate, _ in corpus.values())
    closest = sum(
        min((len(r) for r in references), key=lambda size: (abs(size - len(candidate)), size))
        for candidate, references in corpus.values()
    )
    return math.exp(log_precision + min(0.0, 1 - closest / length))


def rouge_l(corpus: Corpus) -> float:
    """Lin (2004): the longest common subsequence, with the COCO evaluation's beta of 1.2."""

    @cache
    def common(first: Tokens, second: Tokens) -> int:
        if not first or not second:
            return 0
        if first[0] == second[0]:
            return 1 + common(first[1:], second[1:])
        return max(common(first[1:], second), common(first, second[1:]))

    scores = []
    for candidate, references in corpus.values():
        recall = max(common(candidate, r) / len(r) for r in references)
        precision = max(common(candidate, r) for r in references) / max(len(candidate), 1)
        total = recall + 1.2**2 * precision
        scores.append((1 + 1.2**2) * precision * recall / total if total else 0.0)
    return sum(scores) / len(scores)


def cider(corpus: Corpus) -> float:
    """Vedantam et al. (2015), section on CIDEr-D: clipped tf-idf cosine, length penalty, times 10.

    Similarities are averaged over n = 1..4 and over the references of an image.
    """

    def weights(tokens: Tokens, n: int) -> dict[Tokens, float]:
        return {
            gram: count
            * math.log(
                len(corpus)
                / max(1, sum(any(gram in ngrams(r, n) for r in rs) for _, rs in corpus.values()))
            )
            for gram, count in ngrams(tokens, n).items()
        }

    total = 0.0
    for candidate, references in corpus.values():
        for reference in references:
            penalty = math.exp(-((len(candidate) - len(reference)) ** 2) / (2 * 6**2))
            for n in (1, 2, 3, 4):
                generated, expected = weights(candidate, n), weights(reference, n)
                norms = math.hypot(*generated.values()) * math.hypot(*expected.values())
                product = sum(
                    min(generated[g], expected[g]) * expected[g]
                    for g in generated.keys() & expected.keys()
                )
                total += penalty * product / (norms or 1.0) / 4 / len(references)
    return 10 * total / len(corpus)

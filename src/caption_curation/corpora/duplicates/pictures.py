"""Which pictures are the same: equal in every pixel, or near enough that one is a copy.

Two steps, because neither does alone. The perceptual hash finds candidates among a hundred
thousand pictures in seconds, but ignores colour and calls plain or two-tone pictures equal; small
thumbnails, compared colour by colour, decide.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from caption_curation.corpora.duplicates.look import THUMBNAIL_SIDE, Look

# These two find most of the copies without a false alarm in one half of what `python -m
# benchmarks.duplicates` measures; its table shows the other half.
MOST_BITS = 10  # that the hashes of candidates differ in, of 64
MOST_DIFFERENCE = 0.25  # of what is left of two thumbnails' difference, over the larger contrast
MOST_SHIFT = 0.5  # between their mean colours, over the larger contrast
MOST_GAIN = 1.5  # the stronger contrast over the weaker that still counts as the same picture
LEAST_CONTRAST = 6.0  # levels of 256; below, differences count as if the contrast were this
PLAIN = 3.0  # levels: with less contrast a hash is that of rounding errors, and says nothing

# Two hashes that differ in at most 11 bits differ in at most one bit of one of six bands.
_BANDS = (11, 11, 11, 11, 10, 10)
_PAIRS_AT_ONCE = 1 << 21
_COMPARED_AT_ONCE = 1 << 13
_CELLS = THUMBNAIL_SIDE**2
_LEVELS = 256

Integers = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class SamePicture:
    """Pictures that are the same, by their positions, ascending; at least two.

    ``difference`` is 0 where all pixels are equal; otherwise the largest that joined two of them,
    in (0, ``MOST_DIFFERENCE``].
    """

    members: tuple[int, ...]
    difference: float


@dataclass(frozen=True)
class _Thumbnails:
    """Thumbnails of n pictures, and what every comparison needs of them.

    ``cells``: shape (n, cells, 3), levels of 256; ``sums``: (n, 3), of each colour;
    ``contrast``: (n), the root of the mean squared deviation from each colour's mean.
    """

    cells: NDArray[np.uint8]
    sums: Integers
    contrast: Numbers


def same_pictures(looks: Sequence[Look]) -> list[SamePicture]:
    """All groups of pictures that are the same, in the order of their first members.

    Sameness is passed on: where A is near B and B near C, the three are a group.

    Args:
        looks: at the pictures, in any order.
    """
    first_with: dict[bytes, int] = {}
    equal_to = [first_with.setdefault(look.pixels, at) for at, look in enumerate(looks)]
    different = list(first_with.values())
    links, differences = near_pairs([looks[at] for at in different])
    rank = {at: number for number, at in enumerate(different)}
    count = len(different)
    joined = coo_array((np.ones(len(links)), (links[:, 0], links[:, 1])), (count, count))
    _, group_of = connected_components(joined, directed=False)
    farthest = np.zeros(count)
    np.maximum.at(farthest, group_of[links[:, 0]], differences)
    groups: dict[int, list[int]] = {}
    for at, first in enumerate(equal_to):
        groups.setdefault(int(group_of[rank[first]]), []).append(at)
    return [
        SamePicture(tuple(members), round(float(farthest[group]), 3))
        for group, members in groups.items()
        if len(members) > 1
    ]


def near_pairs(looks: Sequence[Look]) -> tuple[Integers, Numbers]:
    """All pairs of near pictures, shape (pairs, 2), the smaller position first; their differences.

    Args:
        looks: at pictures no two of which are equal.
    """
    cells = np.frombuffer(b"".join(look.thumbnail for look in looks), np.uint8)
    thumbnails = _measured(cells.reshape(len(looks), _CELLS, 3))
    hashes = np.array([look.hash for look in looks], dtype=np.uint64)
    hashes[thumbnails.contrast < PLAIN] = 0
    found, differences = [np.empty((0, 2), np.int64)], [np.empty(0)]
    for pairs in _candidates(hashes, thumbnails):
        apart = _differences(thumbnails, pairs)
        near = apart <= MOST_DIFFERENCE
        found.append(pairs[near])
        differences.append(apart[near])
    return np.concatenate(found), np.concatenate(differences)


def difference(one: Look, other: Look) -> tuple[int, float, float]:
    """How many bits two hashes differ in; the thumbnails' difference, and their colours' shift."""
    cells = np.frombuffer(one.thumbnail + other.thumbnail, np.uint8).reshape(2, _CELLS, 3)
    thumbnails, pair = _measured(cells), np.array([[0, 1]])
    bits = (one.hash ^ other.hash).bit_count()
    return bits, float(_differences(thumbnails, pair)[0]), float(_shifts(thumbnails, pair)[0])


def _measured(cells: NDArray[np.uint8]) -> _Thumbnails:
    """Sums are of integers, so that every processor finds the same."""
    sums = cells.sum(axis=1, dtype=np.int64)
    squares = _products(cells, cells)
    variance = (squares - (sums**2).sum(axis=1) / _CELLS) / (3 * _CELLS)
    return _Thumbnails(cells, sums, np.sqrt(np.maximum(variance, 0)))


def _products(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> Integers:
    """The sum of products over all cells and colours of each of n pairs."""
    products: Integers = np.einsum("ncx,ncx->n", one, other, dtype=np.int64, casting="safe")
    return products


def _candidates(hashes: NDArray[np.uint64], thumbnails: _Thumbnails) -> Iterator[Integers]:
    """Each pair once whose hashes differ in few bits and whose mean colours are near."""
    offset = 0
    compared: list[tuple[int, int]] = []
    for bits in _BANDS:
        for pairs in _sharing(_band(hashes, offset, bits), bits, thumbnails):
            differing = hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]]
            wanted = (pairs[:, 0] < pairs[:, 1]) & (np.bitwise_count(differing) <= MOST_BITS)
            for earlier in compared:  # these have been found by it
                wanted &= np.bitwise_count(_band(differing, *earlier)) > 1
            near = pairs[wanted]
            near = near[_shifts(thumbnails, near) <= MOST_SHIFT]
            for start in range(0, len(near), _COMPARED_AT_ONCE):
                yield near[start : start + _COMPARED_AT_ONCE]
        compared.append((offset, bits))
        offset += bits


def _band(hashes: NDArray[np.uint64], offset: int, bits: int) -> Integers:
    return ((hashes >> np.uint64(offset)) & np.uint64((1 << bits) - 1)).astype(np.int64)


def _sharing(band: Integers, bits: int, thumbnails: _Thumbnails) -> Iterator[Integers]:
    """Pairs that share the bits of a band, or all but one, and are about as bright; both ways.

    Pictures are sorted by the band and, within, by brightness. Near pictures of contrast c and at
    most 2 c (``MOST_GAIN`` and ``MOST_DIFFERENCE`` allow no more) differ in brightness by at most
    ``MOST_SHIFT`` times that; so that a hundred thousand plain pictures, which share one hash, are
    no hundred thousand squared comparisons.
    """
    level = thumbnails.sums.sum(axis=1) // (3 * _CELLS)
    farthest = MOST_SHIFT * np.maximum(2 * thumbnails.contrast, LEAST_CONTRAST)
    reach = np.ceil(farthest).astype(np.int64) + 1
    darkest = np.maximum(level - reach, 0)
    brightest = np.minimum(level + reach, _LEVELS - 1)
    place = band * _LEVELS + level
    order = np.argsort(place, kind="stable")
    place = place[order]
    for flipped in (0, *(1 << bit for bit in range(bits))):
        other = (band ^ flipped) * _LEVELS
        begin = np.searchsorted(place, other + darkest)
        end = np.searchsorted(place, other + brightest, side="right")
        for one, at in _enumerated(begin, end):
            yield np.stack((one, order[at]), axis=1)


def _enumerated(begin: Integers, end: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Every (i, place) with ``begin[i] <= place < end[i]``, some millions at a time."""
    ends = np.cumsum(end - begin)
    start = 0
    while start < len(ends):
        done = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _PAIRS_AT_ONCE, side="right")))
        counts = (end - begin)[start:stop]
        one = np.repeat(np.arange(start, stop), counts)
        within = np.arange(len(one)) - np.repeat(ends[start:stop] - counts - done, counts)
        yield one, begin[one] + within
        start = stop


def _shifts(thumbnails: _Thumbnails, pairs: Integers) -> Numbers:
    """How far the mean colours of each pair are apart (root mean square), over the contrast."""
    one, other = pairs[:, 0], pairs[:, 1]
    apart = (thumbnails.sums[one] - thumbnails.sums[other]) / _CELLS
    shifts: Numbers = np.sqrt((apart**2).mean(axis=1)) / _scale(thumbnails, pairs)
    return shifts


def _differences(thumbnails: _Thumbnails, pairs: Integers) -> Numbers:
    """The difference of the two thumbnails of each pair, from 0.

    That is the root mean square of what is left when both have their mean colours taken away and
    the weaker is given the contrast of the stronger (by ``MOST_GAIN`` at most), over that contrast:
    sqrt(1 - r^2) for thumbnails that correlate by r.
    """
    one, other = pairs[:, 0], pairs[:, 1]
    products = _products(thumbnails.cells[one], thumbnails.cells[other])
    of_means = (thumbnails.sums[one] * thumbnails.sums[other]).sum(axis=1) / _CELLS
    covariance = (products - of_means) / (3 * _CELLS)
    contrasts = thumbnails.contrast[one], thumbnails.contrast[other]
    weaker, stronger = np.minimum(*contrasts), np.maximum(*contrasts)
    gain = np.clip(covariance / np.maximum(weaker, 1e-9) ** 2, 1, MOST_GAIN)
    left = stronger**2 - 2 * gain * covariance + (gain * weaker) ** 2
    differences: Numbers = np.sqrt(np.maximum(left, 0)) / _scale(thumbnails, pairs)
    return differences


def _scale(thumbnails: _Thumbnails, pairs: Integers) -> Numbers:
    scale: Numbers = np.maximum(thumbnails.contrast[pairs].max(axis=1), LEAST_CONTRAST)
    return scale

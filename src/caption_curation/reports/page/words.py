"""What is different about two captions, word by word."""

from difflib import SequenceMatcher

Words = list[tuple[str, bool]]  # each with whether it differs


def differing_words(one: str, other: str) -> tuple[Words, Words]:
    """The words of two captions, each with whether it is outside of what they have in common."""
    words = one.split(), other.split()
    common: tuple[set[int], set[int]] = (set(), set())
    for block in SequenceMatcher(None, *words, autojunk=False).get_matching_blocks():
        common[0].update(range(block.a, block.a + block.size))
        common[1].update(range(block.b, block.b + block.size))
    first, second = (
        [(word, place not in shared) for place, word in enumerate(of)]
        for of, shared in zip(words, common, strict=True)
    )
    return first, second

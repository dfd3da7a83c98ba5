"""Captions that are the same, to the letter or in their words."""

import pytest

from caption_curation.corpora.duplicates.captions import same_captions, words_of
from caption_curation.samples import CaptionedImage


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("A dog runs.", "a dog runs", True),
        ("The dog - runs!", "A dog runs", True),
        ("DOG, RUNS", "dog runs", True),
        ("Straße", "STRASSE", True),
        ("a dog runs", "a dog ran", False),
        ("a dog bites a man", "a man bites a dog", False),
        ("two dogs", "dogs two", False),
        ("a", "the", False),
        ("ein Hund läuft", "ein Hund lauft", False),
    ],
)
def test_words_are_compared_in_order_without_case_punctuation_and_articles(
    one: str, other: str, same: bool
) -> None:
    assert (words_of(one) == words_of(other)) == same


def test_groups_within_images_and_across_splits() -> None:
    train = [
        CaptionedImage("1", "1.jpg", ("A dog.", "a dog", "a cat")),
        CaptionedImage("2", "2.jpg", ("a cat", "nothing else is like this")),
    ]
    test = [CaptionedImage("3", "3.jpg", ("a cat",))]
    dogs, cats = same_captions([("train", train), ("test", test)])
    assert dogs.members == (("train", "1", 0, "A dog."), ("train", "1", 1, "a dog"))
    assert not dogs.equal
    assert cats.equal
    assert [member[:3] for member in cats.members] == [
        ("train", "1", 2),
        ("train", "2", 0),
        ("test", "3", 0),
    ]

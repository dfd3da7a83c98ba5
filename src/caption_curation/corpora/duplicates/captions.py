"""Which captions are the same: equal to the letter, or in their words."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from caption_curation.samples import CaptionedImage

ARTICLES = frozenset({"a", "an", "the"})
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class SameCaption:
    """Captions that are the same in their words: (split, image id, position, text) of each.

    In the order of the corpus; at least two. ``equal`` says whether they are so to the letter.
    """

    members: tuple[tuple[str, str, int, str], ...]

    @property
    def equal(self) -> bool:
        return len({text for *_, text in self.members}) == 1


def words_of(caption: str) -> tuple[str, ...]:
    """What a caption is compared by: its words in order, without case, punctuation and articles.

    A caption of articles alone keeps them.
    """
    words = tuple(_WORD.findall(caption.casefold()))
    return tuple(word for word in words if word not in ARTICLES) or words


def same_captions(
    splits: Iterable[tuple[str, Sequence[CaptionedImage]]],
) -> list[SameCaption]:
    """All groups of captions that are the same, within an image and among images.

    Args:
        splits: the images of each.
    """
    groups: dict[tuple[str, ...], list[tuple[str, str, int, str]]] = {}
    for split, images in splits:
        for image in images:
            for position, text in enumerate(image.captions):
                groups.setdefault(words_of(text), []).append(
                    (split, image.image_id, position, text)
                )
    return [SameCaption(tuple(members)) for members in groups.values() if len(members) > 1]

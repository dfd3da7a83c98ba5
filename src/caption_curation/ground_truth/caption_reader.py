"""What a caption of the demo world states; inverts :mod:`caption_curation.demo_world.wording`.

The ground truth says what every image shows, but not what every caption states: a wrong caption is
another image's. A caption is one of few sentences filled in with few words, so it can be parsed.
"""

import re
from collections.abc import Iterable, Mapping
from string import Formatter
from typing import TypeVar

from caption_curation.demo_world.scenes import COUNTS, PAIRS, Layout, Scene, Shape, Size, Thing
from caption_curation.demo_world.style import Style
from caption_curation.demo_world.wording import Statement

Name = TypeVar("Name", bound=str)


class CaptionReader:
    """Reads the captions of one style."""

    def __init__(self, style: Style) -> None:
        wording = style.wording
        self._colours = _meanings(wording.colours)
        self._sizes: dict[str, Size] = _meanings(wording.sizes)
        self._backgrounds = _meanings(wording.backgrounds) | _meanings(wording.grounds)
        self._nouns: dict[str, Shape] = {
            noun: shape
            for shape, nouns in wording.nouns.items()
            for forms in nouns
            for noun in forms
        }
        self._counts = {
            determiner: count
            for count, numbers in wording.numbers.items()
            for determiner, _ in numbers
        } | {"an": 1}
        # (layout, whether the relation is stated from the second object's point of view)
        self._relations = {
            relation: (layout, bool(turned))
            for layout, sides in wording.relations.items()
            for turned, relations in enumerate(sides)
            for relation in relations
        }
        verbs = {verb for numbers in wording.numbers.values() for _, verb in numbers}
        phrases = {
            "background": _group("background", _meanings(wording.backgrounds)),
            "ground": _group("background", _meanings(wording.grounds)),
            "verb": _any_of(verbs),
            "relation": _group("relation", self._relations),
            "short_relation": _group("relation", self._relations),
        }
        for name, field in {"plain": "", "first": "_first", "second": "_second"}.items():
            determiner = "an?" if field else _group("number", self._counts)
            size = _group(f"size{field}", self._sizes)
            colour = _group(f"colour{field}", self._colours)
            noun = _group(f"noun{field}", self._nouns)
            phrases[name] = f"{determiner} {colour} {noun}"
            phrases[f"sized{field}"] = f"{determiner} {size} {colour} {noun}"
        ramblings = f"(?: {_any_of(wording.ramblings)})*" if wording.ramblings else ""
        self._patterns = [
            re.compile(_pattern(sentence, phrases) + ramblings)
            for sentences in (*wording.count_sentences, *wording.pair_sentences)
            for sentence in sentences
        ]
        self._anything = next(iter(style.backgrounds))

    def read(self, caption: str) -> Statement:
        """What a caption states; facts that it does not state have arbitrary values in the scene.

        Raises:
            ValueError: it is not a sentence of this style.
        """
        for pattern in self._patterns:
            if match := pattern.fullmatch(caption):
                return self._statement(caption, match.groupdict())
        raise ValueError(f"not a caption of the demo world: {caption!r}")

    def _statement(self, caption: str, fields: Mapping[str, str]) -> Statement:
        layout: Layout
        things: tuple[Thing, ...]
        if "relation" in fields:
            layout, turned = self._relations[fields["relation"]]
            pair = (self._thing(fields, "_first"), self._thing(fields, "_second"))
            things = pair[::-1] if turned else pair
        else:
            count = self._counts[fields["number"]]
            layout = next(name for name in COUNTS if name not in PAIRS and COUNTS[name] == count)
            things = (self._thing(fields, ""),)
        size = fields.get("size", fields.get("size_first"))
        background = fields.get("background")
        return Statement(
            text=caption,
            scene=Scene(
                background=self._backgrounds[background] if background else self._anything,
                size=self._sizes[size] if size else "small",
                layout=layout,
                things=things,
            ),
            states_size=size is not None,
            states_background=background is not None,
        )

    def _thing(self, fields: Mapping[str, str], suffix: str) -> Thing:
        noun, colour = fields[f"noun{suffix}"], fields[f"colour{suffix}"]
        return Thing(self._nouns[noun], self._colours[colour])


def _meanings(words: Mapping[Name, Iterable[str]]) -> dict[str, Name]:
    return {word: name for name, alternatives in words.items() for word in alternatives}


def _pattern(sentence: str, phrases: Mapping[str, str]) -> str:
    """A sentence of the wording as a regular expression."""
    return "".join(
        re.escape(text) + (phrases[field] if field else "")
        for text, field, _, _ in Formatter().parse(sentence)
    )


def _group(name: str, words: Iterable[str]) -> str:
    return f"(?P<{name}>{_any_of(words)})"


def _any_of(words: Iterable[str]) -> str:
    return "(?:" + "|".join(re.escape(word) for word in sorted(words)) + ")"

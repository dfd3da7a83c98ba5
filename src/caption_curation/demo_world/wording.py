"""Scenes of the demo world as captions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from caption_curation.demo_world.scenes import PAIRS, Scene, Thing
from caption_curation.demo_world.style import Style, Wording

LONG_CAPTION_WORDS = 30  # at least; other captions have at most half as many

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Statement:
    """A caption and what it states: always the objects and their layout, possibly more."""

    text: str
    scene: Scene
    states_size: bool
    states_background: bool

    def is_true_of(self, scene: Scene) -> bool:
        """Whether the caption would be a correct caption of ``scene``."""
        return (
            (self.scene.things, self.scene.layout) == (scene.things, scene.layout)
            and (self.scene.size == scene.size or not self.states_size)
            and (self.scene.background == scene.background or not self.states_background)
        )


def describe(scene: Scene, style: Style, rng: np.random.Generator) -> list[Statement]:
    """Differently worded captions of a scene, in random order, which together state every fact."""
    sentences = _sentences(scene, style.wording)
    statements = [_fill_in(_pick(rng, choices), scene, style.wording, rng) for choices in sentences]
    return [statements[index] for index in rng.permutation(len(statements))]


def ramble(scene: Scene, style: Style, rng: np.random.Generator) -> str:
    """A correct caption of a scene that goes on for 30 to 50 words."""
    everything = _pick(rng, _sentences(scene, style.wording)[0])
    words = _fill_in(everything, scene, style.wording, rng).text.split()
    for index in rng.permutation(len(style.wording.ramblings)):
        if len(words) >= LONG_CAPTION_WORDS:
            break
        words += style.wording.ramblings[index].split()
    return " ".join(words)


def _sentences(scene: Scene, wording: Wording) -> tuple[tuple[str, ...], ...]:
    return wording.pair_sentences if scene.layout in PAIRS else wording.count_sentences


def _fill_in(sentence: str, scene: Scene, wording: Wording, rng: np.random.Generator) -> Statement:
    fields = {
        "background": _pick(rng, wording.backgrounds[scene.background]),
        "ground": _pick(rng, wording.grounds[scene.background]),
    }
    size = _pick(rng, wording.sizes[scene.size])
    if scene.layout in PAIRS:
        turned = int(rng.integers(2))  # 1: from the second object's point of view
        first, second = (scene.things[turned], scene.things[1 - turned])
        relations = wording.relations[scene.layout][turned]
        fields["relation"] = _pick(rng, relations)
        fields["short_relation"] = relations[0]
        for field, thing in (("first", first), ("second", second)):
            words = _name(thing, wording, rng, plural=False)
            fields[field] = _with_article(words)
            fields[f"sized_{field}"] = _with_article(f"{size} {words}")
    else:
        determiner, fields["verb"] = _pick(rng, wording.numbers[scene.count])
        words = _name(scene.things[0], wording, rng, plural=scene.count > 1)
        fields["plain"] = _with_determiner(determiner, words)
        fields["sized"] = _with_determiner(determiner, f"{size} {words}")
    return Statement(
        text=sentence.format(**fields),
        scene=scene,
        states_size="{sized" in sentence,
        states_background="ground}" in sentence,
    )


def _name(thing: Thing, wording: Wording, rng: np.random.Generator, plural: bool) -> str:
    colour = _pick(rng, wording.colours[thing.colour])
    return f"{colour} {_pick(rng, wording.nouns[thing.shape])[plural]}"


def _with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _with_determiner(determiner: str, words: str) -> str:
    return _with_article(words) if determiner == "a" else f"{determiner} {words}"


def _pick(rng: np.random.Generator, choices: Sequence[Choice]) -> Choice:
    return choices[int(rng.integers(len(choices)))]

"""How a world looks and how its captions are worded; the compositions are in ``scenes``."""

from collections.abc import Mapping
from dataclasses import dataclass

from caption_curation.demo_world.scenes import Layout, Shape, Size

Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Wording:
    """The words and sentences that captions are made of.

    Every tuple holds alternatives, one of which is picked at random. ``count_sentences`` and
    ``pair_sentences`` hold one tuple of alternatives for each caption of an image; what a caption
    states follows from the fields of its sentence: ``{sized…}`` phrases state the size,
    ``{background}`` and ``{ground}`` the background. The sentences of the first tuple state
    everything. Five captions joined by full stops stay within 62 words, so that they fit into
    CLIP's 77 tokens.

    Attributes:
        nouns: (singular, plural) of a shape.
        numbers: (determiner, verb) of one, two and three objects.
        backgrounds: noun phrases, as in "on a black background".
        grounds: single words, as in "on black".
        relations: of the first object of a pair to the second, then of the second to the first;
            the first alternative is the ``{short_relation}``.
        ramblings: clauses that state no fact, which make a caption far too long.
    """

    nouns: Mapping[Shape, tuple[tuple[str, str], ...]]
    numbers: Mapping[int, tuple[tuple[str, str], ...]]
    colours: Mapping[str, tuple[str, ...]]
    sizes: Mapping[Size, tuple[str, ...]]
    backgrounds: Mapping[str, tuple[str, ...]]
    grounds: Mapping[str, tuple[str, ...]]
    relations: Mapping[Layout, tuple[tuple[str, ...], tuple[str, ...]]]
    count_sentences: tuple[tuple[str, ...], ...]
    pair_sentences: tuple[tuple[str, ...], ...]
    ramblings: tuple[str, ...]


@dataclass(frozen=True)
class Style:
    """Colours of objects and backgrounds (sRGB, 0 to 255) by name, and the wording."""

    palette: Mapping[str, Rgb]
    backgrounds: Mapping[str, Rgb]
    wording: Wording


DEFAULT = Style(
    # Six hues 60 degrees apart: no two come close, even after a lossy autoencoder.
    palette={
        "red": (222, 28, 36),
        "yellow": (250, 222, 30),
        "green": (22, 160, 50),
        "cyan": (50, 215, 235),
        "blue": (36, 66, 224),
        "pink": (240, 90, 210),
    },
    # Barely saturated, so that none is close to an object's colour.
    backgrounds={
        "white": (246, 246, 246),
        "grey": (128, 128, 128),
        "black": (14, 14, 14),
        "brown": (108, 68, 36),
    },
    wording=Wording(
        nouns={
            "circle": (("circle", "circles"), ("disc", "discs")),
            "triangle": (("triangle", "triangles"),),
            "cross": (("cross", "crosses"),),
            "bar": (("bar", "bars"), ("strip", "strips")),
            "ring": (("ring", "rings"), ("hoop", "hoops")),
        },
        numbers={
            1: (("a", "is"), ("one", "is"), ("a single", "is")),
            2: (("two", "are"), ("a pair of", "is")),
            3: (("three", "are"), ("a group of three", "is")),
        },
        colours={
            "red": ("red",),
            "yellow": ("yellow",),
            "green": ("green",),
            "cyan": ("cyan", "turquoise"),
            "blue": ("blue",),
            "pink": ("pink",),
        },
        sizes={"small": ("small", "little"), "large": ("large", "big")},
        backgrounds={
            "white": ("a white background", "a white backdrop"),
            "grey": ("a grey background", "a grey backdrop"),
            "black": ("a black background", "a dark backdrop"),
            "brown": ("a brown background", "a brown backdrop"),
        },
        grounds={
            "white": ("white",),
            "grey": ("grey",),
            "black": ("black",),
            "brown": ("brown",),
        },
        relations={
            "beside": (("left of", "to the left of"), ("right of", "to the right of")),
            "stacked": (("above", "over"), ("below", "under")),
        },
        count_sentences=(
            ("{sized} on {background}", "there {verb} {sized} on {background}"),
            ("there {verb} {sized}", "a drawing of {sized}"),
            ("{plain} on {ground}", "the picture shows {plain} on {ground}"),
            ("{plain} and nothing else", "somebody drew {plain}"),
            ("on {background} there {verb} {plain}", "{background} with {plain} on it"),
        ),
        pair_sentences=(
            ("{sized_first} {short_relation} {sized_second} on {background}",),
            (
                "{sized_first} is {short_relation} {sized_second}",
                "{sized_first} {short_relation} {sized_second}",
            ),
            (
                "{first} {relation} {second} on {ground}",
                "{first} {relation} {second} against {ground}",
            ),
            ("{first} {short_relation} {second}",),
            (
                "on {ground} {first} is {short_relation} {second}",
                "{background} with {first} {short_relation} {second}",
            ),
        ),
        ramblings=(
            "and that is really all there is to say about it",
            "as anybody who takes the time to look will agree",
            "although the longer one looks the more one wonders why",
            "which somebody must have made on a quiet afternoon",
            "while nothing whatsoever happens anywhere around",
            "or so it seems to me at first sight anyway",
            "unless of course my eyes are getting worse again",
            "and nobody knows what it was meant to be good for",
        ),
    ),
)

# The world that the demo's base models are pretrained on: the same compositions, but a third of the
# colours, a quarter of the backgrounds and most of the words differ, so that fine-tuning has
# something to learn. What is shared is what a real pretrained model would know, too.
SHIFTED = Style(
    palette={
        "red": (205, 32, 30),
        "yellow": (240, 210, 50),
        "green": (40, 175, 60),
        "blue": (50, 60, 205),
        "orange": (250, 140, 20),
        "purple": (130, 40, 170),
    },
    backgrounds={
        "white": (246, 246, 246),
        "grey": (140, 140, 140),
        "black": (14, 14, 14),
        "sand": (205, 180, 140),
    },
    wording=Wording(
        nouns={
            "circle": (("circle", "circles"), ("dot", "dots")),
            "triangle": (("triangle", "triangles"), ("wedge", "wedges")),
            "cross": (("cross", "crosses"), ("plus", "pluses")),
            "bar": (("bar", "bars"), ("stripe", "stripes")),
            "ring": (("ring", "rings"), ("loop", "loops")),
        },
        numbers={
            1: (("a", "is"), ("exactly one", "is")),
            2: (("two", "are"), ("a couple of", "is")),
            3: (("three", "are"), ("a trio of", "is")),
        },
        colours={
            "red": ("red", "scarlet"),
            "yellow": ("yellow", "golden"),
            "green": ("green", "emerald"),
            "blue": ("blue", "navy"),
            "orange": ("orange", "amber"),
            "purple": ("purple", "violet"),
        },
        sizes={"small": ("small", "tiny"), "large": ("large", "huge")},
        backgrounds={
            "white": ("a white page", "a white surface"),
            "grey": ("a grey page", "a grey surface"),
            "black": ("a black page", "a black surface"),
            "sand": ("a sandy page", "a sandy surface"),
        },
        grounds={
            "white": ("white",),
            "grey": ("grey",),
            "black": ("black",),
            "sand": ("sand",),
        },
        relations={
            "beside": (("left of", "on the left side of"), ("right of", "on the right side of")),
            "stacked": (("above", "higher than"), ("below", "lower than")),
        },
        count_sentences=(
            ("{sized} on {background}", "we see {sized} on {background}"),
            ("an image of {sized}", "we see {sized}"),
            ("{plain} over {ground}", "an icon with {plain} over {ground}"),
            ("only {plain}", "nothing but {plain}"),
            ("{background} that shows {plain}", "on {background} we see {plain}"),
        ),
        pair_sentences=(
            ("{sized_first} {short_relation} {sized_second} on {background}",),
            (
                "we see {sized_first} {short_relation} {sized_second}",
                "an icon of {sized_first} {short_relation} {sized_second}",
            ),
            ("{first} sits {relation} {second} over {ground}",),
            ("we see {first} {short_relation} {second}",),
            ("{background} that shows {first} {short_relation} {second}",),
        ),
        ramblings=(),
    ),
)

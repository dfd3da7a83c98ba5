"""The colour of each generator, the same in every figure and table of the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from caption_curation.reports.page.labels import METHOD_COLOURS, RANDOM_COLOUR
from caption_curation.reports.page.style import INK


@dataclass(frozen=True, slots=True)
class Look:
    """How a generator's points are drawn.

    Attributes:
        colour: of them.
        hollow: whether they are rings.
    """

    colour: str
    hollow: bool = False


# No generator is a method; the fine-tuned one is what replaces images.
OURS = {
    "base_generator": Look(INK, hollow=True),
    "generator": Look(METHOD_COLOURS["replace_image"]),
}
# Of Okabe and Ito's colours those that are left, but for yellow, which is too light on paper; then
# the same as rings.
_OTHERS = ("#E69F00", "#009E73", RANDOM_COLOUR, "#56B4E9", "#D55E00")


def looks_of(others: Sequence[str]) -> Mapping[str, Look]:
    """The look of every generator there is, by name.

    Args:
        others: names of all that the parameters know, whether or not they draw: so that a colour
            stays when another generator is left out.
    """
    looks = [Look(colour, hollow) for hollow in (False, True) for colour in _OTHERS]
    return OURS | dict(zip(others, cycle(looks), strict=False))

"""The 25 kinds of errors that annotators mark in a synthetic image.

The paper (section 5.2) has 25 and names some. The list is that of its authors' page
(lyan62/ErrorAnalysis); the explanations are ours.
"""

import re
from dataclasses import dataclass

# Part of every annotation. Raise it with every change of the list or of a meaning, so that nobody
# mixes annotations that were made under different versions.
CATEGORY_VERSION = "1"

NO_ERROR = "no_error"  # excludes all categories


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of error: its group and name in words, and what it means in one line."""

    group: str
    name: str
    explanation: str

    @property
    def id(self) -> str:
        """The id in annotations, such as ``people/clothing_type``."""
        return "/".join(re.sub("[^a-z0-9]+", "_", part) for part in (self.group, self.name))


CATEGORIES = (
    Category("people", "age", "A person looks older or younger than the references say."),
    Category("people", "gender", "A person's gender is not the one that the references state."),
    Category("people", "clothing type", "A person wears something other than the references say."),
    Category("people", "clothing colour", "A garment has a colour other than the references say."),
    Category("people", "weird face", "A face is distorted, blurred or incomplete."),
    Category(
        "people",
        "weird body parts",
        "Hands, limbs or a body are distorted or missing, or there are too many.",
    ),
    Category("main object", "wrong", "Something else is where the main object should be."),
    Category("main object", "similar", "The main object is of a related but different kind."),
    Category("main object", "inexistent", "The main object is missing from the image."),
    Category("main object", "extra", "There are more main objects than the references say."),
    Category("main object", "weird", "The main object is distorted, incomplete or impossible."),
    Category("other objects", "wrong", "Something else is where another object should be."),
    Category("other objects", "similar", "Another object is of a related but different kind."),
    Category("other objects", "inexistent", "An object besides the main one is missing."),
    Category(
        "other objects", "extra", "Objects that the references do not mention and that do not fit."
    ),
    Category("other objects", "weird", "Another object is distorted, incomplete or impossible."),
    Category(
        "general", "stance", "Someone sits, stands or lies differently than the references say."
    ),
    Category("general", "activity", "Someone does something other than the references say."),
    Category(
        "general", "position", "Things or people are in places other than the references say."
    ),
    Category(
        "general", "number", "There are more or fewer people or things than the references say."
    ),
    Category("general", "inconsistent reference", "The references contradict one another."),
    Category(
        "general", "scene/event/location", "The place, event or background is a different one."
    ),
    Category("general", "text", "Writing in the image is wrong, garbled or missing."),
    Category("general", "colour", "Something other than clothing has the wrong colour."),
    Category(
        "general", "generally unrelated", "The image has hardly anything to do with the references."
    ),
)

CATEGORY_IDS = tuple(category.id for category in CATEGORIES)

# The errors that images of the demo world can have, and that a program finds there.
CHECKED = (
    *(f"main_object/{error}" for error in ("wrong", "inexistent", "extra")),
    *(f"other_objects/{error}" for error in ("wrong", "inexistent", "extra")),
    *(f"general/{error}" for error in ("position", "number", "scene_event_location", "colour")),
)

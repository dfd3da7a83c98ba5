"""Names and colours, the same on every page and in every figure.

Colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart, and a method
has the same one in every figure.
"""

from itertools import cycle

from caption_curation.curation.actions import ACTIONS, NO_CURATION
from caption_curation.curation.scores import is_random
from caption_curation.reports.page.style import GREY, INK

# In the order of the table of actions; more actions begin again.
_PALETTE = ("#D55E00", "#009E73", "#0072B2", "#E69F00", "#56B4E9", "#F0E442")
RANDOM_COLOUR = "#CC79A7"  # of random controls: any action, on samples chosen uniformly
METHOD_COLOURS = {NO_CURATION: INK} | dict(zip(ACTIONS, cycle(_PALETTE), strict=False))

METRIC_LABELS = {
    "cider": "CIDEr",
    "bleu_1": "BLEU-1",
    "bleu_2": "BLEU-2",
    "bleu_3": "BLEU-3",
    "bleu_4": "BLEU-4",
    "meteor": "METEOR",
    "rouge_l": "ROUGE-L",
    "spice": "SPICE",
    "clipscore": "CLIPScore",
    "ref_clipscore": "RefCLIPScore",
}

NOISE_LABELS = {
    "wrong_caption": "wrong caption",
    "mismatched_image": "mismatched image",
    "long_caption": "over-long caption",
    "any": "any of them",
    "none": "nothing",
    "all": "all samples",
}

# What became of chosen samples, by the keys under which edits are counted.
EDIT_LABELS = {action.counted_as: action.outcome for action in ACTIONS.values()} | {
    "kept": "chosen, but kept",
    "rejected": "turned down",
}
# What people decided of chosen samples, by what `decision_on` an edit says.
DECISION_LABELS = {
    "accept": "accepted",
    "reject": "rejected",
    "caption": "another caption",
    "remove": "removed",
}
EDIT_COLOURS = {action.counted_as: METHOD_COLOURS[name] for name, action in ACTIONS.items()} | {
    "kept": GREY,
    "rejected": GREY,
}


def method_colour(method: str, score: str | None) -> str:
    """The colour of an experiment: that of its method, or of the control if it chose at random."""
    return RANDOM_COLOUR if is_random(score) and method != NO_CURATION else METHOD_COLOURS[method]

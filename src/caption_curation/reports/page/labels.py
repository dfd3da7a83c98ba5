"""Names and colours, the same on every page and in every figure.

Colours are those of Okabe and Ito (2008), which colour-blind readers can tell apart, and a method
has the same one in every figure.
"""

from caption_curation.reports.page.style import GREY, INK

METHOD_COLOURS = {
    "none": INK,
    "remove": "#D55E00",
    "replace_caption": "#009E73",
    "replace_image": "#0072B2",
    "random": "#CC79A7",  # the control: any action, on samples chosen at random
}

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

METHOD_TITLES = {
    "none": "No curation",
    "remove": "Removing difficult samples",
    "replace_caption": "Replacing captions",
    "replace_image": "Replacing images",
}

EDIT_TITLES = {
    "removed": "Removed",
    "replaced_caption": "New caption",
    "replaced_image": "New image",
    "kept": "Kept",
}

NOISE_LABELS = {
    "wrong_caption": "wrong caption",
    "mismatched_image": "mismatched image",
    "long_caption": "over-long caption",
    "any": "any of them",
    "none": "nothing",
    "all": "all samples",
}

EDIT_LABELS = {
    "removed": "removed",
    "replaced_caption": "new caption",
    "replaced_image": "new image",
    "kept": "chosen, but kept",
}
EDIT_COLOURS = {
    "removed": METHOD_COLOURS["remove"],
    "replaced_caption": METHOD_COLOURS["replace_caption"],
    "replaced_image": METHOD_COLOURS["replace_image"],
    "kept": GREY,
}


def method_colour(method: str, score: str) -> str:
    """The colour of an experiment: that of its method, or of the control if it chose at random."""
    return METHOD_COLOURS["random" if score == "random" and method != "none" else method]

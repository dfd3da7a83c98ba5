"""An experiment in words: what its parameters mean, for people who do not know their names."""

from caption_curation.params import Curation

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
}

_ACTIONS = {
    "remove": "are removed",
    "replace_caption": "are given another caption of their image",
    "replace_image": "are given a synthetic image, made from",
}
_PROMPTS = {"single": "their caption", "concat": "all captions of the original image"}
_PAIRINGS = {
    "keep": "",
    "random_easier": ", and another of the original's captions that the captioner finds easier",
    "easiest": ", and that of the original's captions which the captioner finds easiest",
}
_LOSSES = {"loss_mean": "loss per token", "loss_sum": "loss per caption"}


def loss_measure(score: str) -> str:
    """The loss that an experiment is about: its score, or the mean where it chose at random."""
    return "loss_sum" if score == "loss_sum" else "loss_mean"


def loss_unit(measure: str) -> str:
    """Unit of a loss."""
    return "nats per caption" if measure == "loss_sum" else "nats per token"


def describe_curation(curation: Curation, prompt_mode: str) -> str:
    """A sentence that says which samples are curated, when and how."""
    if curation.method == "none":
        return "The captioner is fine-tuned on the training set as it is; nothing is curated."
    when = (
        "Once, before training,"
        if curation.schedule == "static"
        else "After every epoch but the last,"
    )
    action = _ACTIONS[curation.method]
    if curation.method == "replace_image":
        action += f" {_PROMPTS[prompt_mode]}{_PAIRINGS[curation.pair_with]}"
    return f"{when} {_choice(curation)} {action}."


def _choice(curation: Curation) -> str:
    share = f"{100 * curation.ratio:g} % of the training samples"
    if curation.schedule == "static" or curation.score == "random":
        return f"{share}, chosen at random,"
    loss = _LOSSES[curation.score]
    if curation.rule == "mean_std":
        return (
            f"the training samples whose {loss} is more than {curation.std:g} standard deviations "
            "above the mean"
        )
    return f"the {share} with the highest {loss}"

"""An experiment in words: what its parameters mean, for people who do not know their names."""

from collections.abc import Mapping

from caption_curation.config.experiment import Prompt
from caption_curation.curation.settings import Curation

_ACTIONS = {
    "remove": "are removed",
    "replace_caption": "are given another caption of their image",
    "replace_image": "are given a synthetic image, made from",
}
_PROMPTS = {
    "single": "their caption",
    "sbert": "the caption that is closest to all captions of the original image",
    "concat": "all captions of the original image",
}
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


def describe_synthesis(counts: Mapping[str, int], prompt: Prompt) -> str:
    """What is out of the ordinary about the synthetic images; empty if nothing is.

    Args:
        counts: ``prompts``, ``too_long``, ``most_tokens``, ``redrawn``.
        prompt: how captions became prompts.
    """
    sentences = []
    if counts["too_long"]:
        kept = prompt.overflow == "keep_styler" and prompt.styler
        fate = "were read in windows" if prompt.overflow == "chunk" else "were cut"
        sentences.append(
            f"{counts['too_long']:,} of {counts['prompts']:,} prompts were longer than "
            f"{counts['most_tokens']} tokens and {fate}{' before the styler' if kept else ''}."
        )
    if counts["redrawn"]:
        sentences.append(
            f"Of the synthetic images, {counts['redrawn']:,} were black or not finite at first, "
            "and were drawn again with another seed."
        )
    return " ".join(sentences)


def _choice(curation: Curation) -> str:
    share = f"{100 * curation.ratio:g} % of the training samples"
    at_random = curation.schedule == "static" or curation.score == "random"
    if curation.schedule == "dynamic" and curation.rule == "mean_std":
        of_outliers = (
            f"{_LOSSES[loss_measure(curation.score)]} is more than {curation.std:g} standard "
            "deviations above the mean"
        )
        if at_random:
            return f"as many training samples as there are whose {of_outliers}, chosen at random,"
        return f"the training samples whose {of_outliers}"
    if at_random:
        return f"{share}, chosen at random,"
    return f"the {share} with the highest {_LOSSES[curation.score]}"

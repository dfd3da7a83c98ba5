"""An experiment in words: what its parameters mean, for people who do not know their names."""

from collections.abc import Mapping

from caption_curation.config.experiment import Prompt
from caption_curation.curation.actions import ACTIONS, NO_CURATION
from caption_curation.curation.rules import RULES
from caption_curation.curation.scores import SCORES
from caption_curation.curation.settings import Curation

_PROMPTS = {
    "single": ", generated from their caption",
    "sbert": ", generated from the caption that is closest to all captions of the original image",
    "concat": ", generated from all captions of the original image",
    "others": ", generated from the captions of the original image that are not the sample's own",
}
_PAIRINGS = {
    "keep": "",
    "random_easier": ", and another of the original's captions that the captioner finds easier",
    "easiest": ", and that of the original's captions which the captioner finds easiest",
}


def describe_curation(curation: Curation, prompt_mode: str) -> str:
    """A sentence that says which samples are curated, when and how."""
    if curation.method == NO_CURATION:
        return "The captioner is fine-tuned on the training set as it is; nothing is curated."
    when = (
        "Once, before training,"
        if curation.schedule == "static"
        else "After every epoch but the last,"
    )
    action = ACTIONS[curation.method]
    what = action.sentence
    if action.generates_images:
        what += f"{_PROMPTS[prompt_mode]}{_PAIRINGS[curation.pair_with]}"
    return f"{when} {_choice(curation)} {what}."


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
            "and were generated again with another seed."
        )
    return " ".join(sentences)


def _choice(curation: Curation) -> str:
    if curation.chooses_at_random:
        return f"{100 * curation.ratio:g} % of the training samples, chosen at random,"
    rule, score = RULES[curation.rule], SCORES[curation.score]
    amount = float(getattr(curation, rule.amount))
    if score.same_number_as is None:
        return rule.sentence.format(score=score.title, amount=amount, percent=100 * amount)
    if rule.is_fraction:
        return f"{100 * amount:g} % of the training samples, chosen at random,"
    imitated = rule.sentence.format(
        score=SCORES[score.same_number_as].title, amount=amount, percent=100 * amount
    )
    those = imitated.replace("the training samples", "those", 1)
    return f"as many training samples, chosen at random, as {those},"

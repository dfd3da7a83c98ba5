"""The section ``curation`` of params.yaml: which samples are curated, and how."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from caption_curation.curation.actions import ACTIONS, NO_CURATION, methods
from caption_curation.curation.rules import RULES, Rounding
from caption_curation.curation.scores import SCORES
from caption_curation.support.sections import Section


class CurationDetails(Section):
    """What the paper's text leaves open and the code that its authors released decides."""

    rounding: Rounding
    """How many samples a ratio of them is: the whole number below (``floor``), or the nearest by
    Python's ``round``, which takes halves to the even number (``round``, as the authors)."""
    easier_captions: Annotated[int, Field(ge=1)] | None
    """Among how many of the image's easiest captions ``curation.pair_with: random_easier`` draws,
    the sample's own included if it is one of them (the authors: 3). ``null``: among all that are
    easier than the sample's own."""


class Curation(Section):
    """Which samples are curated, and how (paper, section 3)."""

    method: Literal[methods()]  # type: ignore[valid-type]
    """What happens to the chosen samples; ``none``: nothing is curated."""
    schedule: Literal["dynamic", "static"]
    """``dynamic``: after every epoch but the last. ``static``: once, before training: by the rule
    with ``score: file``, otherwise ``ratio`` of each image's samples at random, as there is no loss
    yet."""
    score: Literal[tuple(SCORES)]  # type: ignore[valid-type]
    """How hard a sample is: the loss per token, of the whole caption, or that with the label
    smoothing of training; ``random`` is the control: the same number of samples, chosen
    uniformly; ``file``: as ``inputs.scores`` says."""
    rule: Literal[tuple(RULES)]  # type: ignore[valid-type]
    """How many of the hardest samples are chosen: ``top_fraction`` the hardest ``ratio``,
    ``mean_std`` all whose score is above mean + ``std`` standard deviations."""
    ratio: Annotated[float, Field(gt=0, le=1)]
    """Fraction of the current training samples that is curated; read by ``top_fraction`` and the
    static schedule."""
    std: Annotated[float, Field(ge=0)]
    """Standard deviations above the mean; read by ``mean_std``."""
    pair_with: Literal["keep", "random_easier", "easiest"]
    """Caption that goes with a synthetic image: the sample's own, a random one of those of its
    image that the captioner finds easier now (``curation.easier_captions`` of the profile says of
    how many), or the easiest."""

    @property
    def chooses_at_random(self) -> bool:
        """Whether a part of each image's samples is drawn, as nothing is known of them."""
        return self.schedule == "static" and not SCORES[self.score].is_given

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        reads_ratio = RULES[self.rule].is_fraction or self.chooses_at_random
        removes = self.method != NO_CURATION and ACTIONS[self.method].removes
        if removes and reads_ratio and self.ratio == 1:
            raise ValueError(
                f"method: {self.method} needs a ratio below 1 (nothing is left to train on)"
            )
        if self.schedule == "static" and self.pair_with != "keep":
            raise ValueError(
                f"schedule: static goes with pair_with: keep only, not {self.pair_with} "
                "(before training there is no loss that makes a caption easier)"
            )
        return self

"""The section ``curation`` of params.yaml: which samples are curated, and how."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from caption_curation.support.sections import Section


class Curation(Section):
    """Which samples are curated, and how (paper, section 3)."""

    method: Literal["none", "remove", "replace_caption", "replace_image"]
    schedule: Literal["dynamic", "static"]
    score: Literal["loss_mean", "loss_sum", "random"]
    rule: Literal["top_fraction", "mean_std"]
    ratio: Annotated[float, Field(gt=0, le=1)]
    std: Annotated[float, Field(ge=0)]
    pair_with: Literal["keep", "random_easier", "easiest"]

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        reads_ratio = self.rule == "top_fraction" or self.schedule == "static"
        if self.method == "remove" and reads_ratio and self.ratio == 1:
            raise ValueError("method: remove needs a ratio below 1 (nothing is left to train on)")
        if self.schedule == "static" and self.pair_with != "keep":
            raise ValueError(
                f"schedule: static goes with pair_with: keep only, not {self.pair_with} "
                "(before training there is no loss that makes a caption easier)"
            )
        return self

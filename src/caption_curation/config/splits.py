"""How a profile says which image is in which split."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from caption_curation.support.sections import FileName, Section

Name = Annotated[str, Field(min_length=1)]


class SplitFractions(Section):
    """Splits by a hash of each image's id, so that they stay as they are when images are added."""

    val: Annotated[float, Field(ge=0, lt=1)]
    """Share of the images that is the validation split, about: a hash of its id puts an image into
    a split, whatever other images there are.
    """
    test: Annotated[float, Field(ge=0, lt=1)]
    """Share of the images that is the test split; the rest is trained on."""

    @model_validator(mode="after")
    def _leave_some_to_train_on(self) -> Self:
        if self.val + self.test >= 1:
            raise ValueError(f"val ({self.val}) and test ({self.test}) together must be below 1")
        return self


class FileSplits(Section):
    """A file for each split."""

    train: FileName
    """The file of the training split, in the folder that `inputs` names."""
    val: FileName | None
    """The file of the validation split; `null`: none, as where only the training split is asked
    for.
    """
    test: FileName | None
    """The file of the test split, likewise."""


class KarpathySplits(Section):
    """The splits of Karpathy's file, which names all images by COCO's ids."""

    karpathy: FileName
    """Karpathy's file, `dataset_coco.json`, beside the others in the folder that `inputs` names:
    each image goes where it says.
    """


class HubSplits(Section):
    """A split of a data set for each of ours."""

    train: Name
    """The data set's split that is trained on."""
    val: Name | None
    """Its split that is our validation split; `null`: none."""
    test: Name | None
    """Its split that is our test split; `null`: none."""


def _kind_of_splits(value: Any) -> str | None:
    match value:
        case "given":
            return "<given>"
        case FileSplits() | HubSplits() | {"train": _}:
            return "<files>"
        case KarpathySplits() | {"karpathy": _}:
            return "<karpathy>"
        case SplitFractions() | dict():
            return "<fractions>"
    return None


def _kind_of_plain_splits(value: Any) -> str | None:
    kind = _kind_of_splits(value)
    return kind if kind in ("<given>", None) else "<fractions>"


Given = Annotated[Literal["given"], Tag("<given>")]
Fractions = Annotated[SplitFractions, Tag("<fractions>")]
Splits = Annotated[
    Given | Fractions,
    Discriminator(
        _kind_of_plain_splits,
        custom_error_type="splits",
        custom_error_message="Input should be 'given', or fractions: {val: 0.1, test: 0.1}",
    ),
]
CocoSplits = Annotated[
    Given
    | Fractions
    | Annotated[FileSplits, Tag("<files>")]
    | Annotated[KarpathySplits, Tag("<karpathy>")],
    Discriminator(
        _kind_of_splits,
        custom_error_type="splits",
        custom_error_message="Input should be 'given', fractions: {val: 0.1, test: 0.1}, files: "
        "{train: …, val: …, test: …}, or {karpathy: dataset_coco.json}",
    ),
]


NamedSplits = Annotated[
    Given | Fractions | Annotated[HubSplits, Tag("<files>")],
    Discriminator(
        _kind_of_splits,
        custom_error_type="splits",
        custom_error_message="Input should be 'given', fractions: {val: 0.1, test: 0.1}, or the "
        "data set's own: {train: train, val: validation, test: test}",
    ),
]

"""What a profile says of corpora: where their images and captions come from."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from caption_curation.support.sections import Count, FileName, Fraction, Natural, Section

OnLeak = Literal["warn", "drop", "stop"]


class SplitSizes(Section):
    """Number of images per split."""

    train: Count
    """Images to train on."""
    val: Natural
    """Images of the validation split, which chooses the best epoch."""
    test: Natural
    """Images of the test split."""


class PlantedNoise(Section):
    """Rates of planted noise; see :mod:`caption_curation.demo_world.world`."""

    wrong_caption: Fraction
    """Share of the samples whose caption tells of another scene."""
    mismatched_image: Fraction
    """Share of the images that show another scene than their captions tell of."""
    long_caption: Fraction
    """Share of the samples whose caption is right, but runs on for dozens of words."""


class DemoWorldSource(Section):
    """Procedurally drawn scenes with captions."""

    source: Literal["demo_world"]
    """Scenes of the demo world, which are drawn rather than read."""
    seed: Natural
    """Decides every scene, caption and fault."""
    image_size: Annotated[int, Field(ge=32)]
    """Width and height of an image, in pixels."""
    images: SplitSizes
    """Number of images of each split."""
    noise: PlantedNoise
    """Faults planted in the training split only."""


class LocalSource(Section):
    """What all corpora have that lie on this machine."""

    annotations: FileName
    """Name of the file or folder that `inputs` in params.yaml says the place of; another is
    refused, so that no profile is run on another's corpus.
    """


class ImageFilesSource(LocalSource):
    """What those have whose pictures are files."""

    revision: Natural
    """Raise it when images change behind their names: the folder of images is not watched."""


class KarpathySource(ImageFilesSource):
    """A Karpathy-style JSON file and a folder of images (COCO, Flickr8k, Flickr30k)."""

    source: Literal["karpathy"]
    """A JSON file in Karpathy's form and a folder of images: COCO, Flickr8k, Flickr30k."""


class CaptionerCorpus(Section):
    """What only the captioner's corpus has, of whatever kind it is.

    ``train_fraction`` of the training images are trained on (the few-shot setting), chosen by
    ``seed`` as :func:`caption_curation.corpora.few_shot.training_subset` does.
    """

    seed: Natural
    """Chooses the images that `train_fraction` keeps."""
    train_fraction: Annotated[float, Field(gt=0, le=1)]
    """Share of the training images that is trained on (the few-shot setting). Smaller shares lie
    within larger ones; at least one image must remain.
    """
    on_leak: OnLeak
    """What happens when training images show pictures of `val` or `test` too, equal or near:
    `warn` prints and records it, `drop` takes them out of the training split (the generator does
    not see them either, where it is fine-tuned on the captioner's corpus), `stop` ends with a list.
    """


class CaptionerDemoWorld(DemoWorldSource, CaptionerCorpus):
    """The captioner's demo world."""

    @model_validator(mode="after")
    def _leaves_an_image(self) -> Self:
        if self.train_fraction * self.images.train < 1 - 1e-9:
            raise ValueError(
                f"train_fraction ({self.train_fraction}) of {self.images.train} training images "
                f"is none; allowed: at least {1 / self.images.train:.2g}"
            )
        return self


class CaptionerKarpathy(KarpathySource, CaptionerCorpus):
    """The captioner's photographs."""


class SameCorpusSource(Section):
    """The generator is fine-tuned on the captioner's own corpus.

    That is the whole training split, whatever ``data.train_fraction``: a sweep over it shares one
    generator and all its images.
    """

    source: Literal["same"]
    """The captioner's own training images, all of them whatever `data.train_fraction` says."""

"""The part of a training split that the few-shot setting trains on."""

import pytest

from caption_curation.corpora.few_shot import training_subset
from caption_curation.samples import CaptionedImage
from caption_curation.support.errors import InputError

IMAGES = [CaptionedImage(str(number), f"{number}.jpg", ("a dog",)) for number in range(1000)]


def names(images: list[CaptionedImage]) -> list[int]:
    return [int(image.image_id) for image in images]


def test_subsets_are_nested_in_order_and_of_the_asked_size() -> None:
    before: set[int] = set()
    for fraction, size in ((0.001, 1), (0.01, 10), (0.29, 290), (0.5, 500), (1.0, 1000)):
        subset = names(training_subset(IMAGES, fraction, seed=3))
        assert subset == sorted(subset)
        assert len(subset) == size
        assert before <= set(subset)
        before = set(subset)
    assert training_subset(IMAGES, 1.0, seed=3) == IMAGES


def test_the_seed_chooses_and_other_images_do_not() -> None:
    tenth = set(names(training_subset(IMAGES, 0.1, seed=0)))
    assert tenth == set(names(training_subset(IMAGES, 0.1, seed=0)))
    other = set(names(training_subset(IMAGES, 0.1, seed=1)))
    # Two independent tenths of 1,000 share 10 images on average, with a deviation of about 3.
    assert 0 < len(tenth & other) < 25
    # One image less (and 99 of 999 chosen) leaves all but a few of the choices as they were.
    fewer = set(names(training_subset(IMAGES[:500] + IMAGES[501:], 0.1, seed=0)))
    assert len(fewer) == 99
    assert len(tenth - fewer) <= 2


def test_no_image_at_all_is_refused() -> None:
    with pytest.raises(InputError, match=r"data.train_fraction = 0.0009.*allowed: at least 0.001"):
        training_subset(IMAGES, 0.0009, seed=0)
